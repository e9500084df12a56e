// One command of prefixlab as a process: from Enter to its end, by stage.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const preload = new URL("./stage-times.mjs", import.meta.url).href;
const stages = ["start", "read", "work", "write"];

/**
 * Runs a command once.
 * @returns seconds of wall time, of CPU, and of CPU by stage (`start` is all before the first), peak memory and stdout
 */
export function timeCommand(args) {
  const dir = mkdtempSync(join(tmpdir(), "prefixlab-stages-"));
  const file = join(dir, "times.json");
  try {
    const startedMs = performance.now();
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", preload, main, ...args], {
      env: { ...process.env, PREFIXLAB_STAGE_TIMES: file },
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const wallSeconds = (performance.now() - startedMs) / 1000;
    if (status !== 0) throw new Error(`prefixlab ${args.join(" ")} ended with ${status}: ${stderr.trim()}`);
    const { marks, cpu, peakRssBytes } = JSON.parse(readFileSync(file, "utf8"));
    const seconds = ({ user, system }) => (user + system) / 1e6;
    const stageSeconds = Object.fromEntries(stages.map((stage) => [stage, 0]));
    let before = { stage: "start", cpu: { user: 0, system: 0 } };
    for (const mark of [...marks, { stage: "end", cpu }]) {
      stageSeconds[before.stage] += seconds(mark.cpu) - seconds(before.cpu);
      before = mark;
    }
    return { wallSeconds, cpuSeconds: seconds(cpu), stageSeconds, peakRssBytes, stdout };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** A run's CPU by stage, and the share of it that is the work the command was called for, as a line. */
export function describeStages({ stageSeconds, cpuSeconds }) {
  const parts = stages.map((stage) => `${stage} ${stageSeconds[stage].toFixed(2)}`).join(", ");
  return `CPU ${cpuSeconds.toFixed(2)} s: ${parts}; ${Math.round((100 * stageSeconds.work) / cpuSeconds)} % work`;
}
