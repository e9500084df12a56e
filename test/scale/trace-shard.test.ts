import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  mergeShards,
  readShard,
  summarizeShard,
  summarizeTraceFile,
  writeShard,
} from "../../lib/scale/index.js";
import { syntheticTrace, withTraceFile } from "./synthetic-trace.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist", "cli", "main.js");
const cluster = join(root, "lib", "sweep", "cluster");
const windowRequests = 64;

const prefixlab = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
};

describe("shards of a trace", () => {
  it("go through files and tell together, in any order, what one pass does", async () => {
    await withTraceFile(syntheticTrace(150, 41), async (path, folder) => {
      const whole = await summarizeTraceFile(path, { windowRequests });
      const shards = [];
      for (const index of [2, 0, 3, 1]) {
        const file = join(folder, `${index}.shard`);
        await writeShard(file, await summarizeShard(path, { index, count: 4, windowRequests }));
        shards.push(await readShard(file));
      }
      const merged = mergeShards(shards);
      expect(merged.inspection).toEqual(whole.inspection);
      for (const cohort of ["all", "turn1", "turns2plus"] as const)
        expect(merged.ttft[cohort].state()).toEqual(whole.ttft[cohort].state());
    });
  });

  it("are refused where they do not make up one trace", async () => {
    await withTraceFile(syntheticTrace(60, 42), async (path, folder) => {
      const shard = (index: number, count: number, window = windowRequests) =>
        summarizeShard(path, { index, count, windowRequests: window });
      const [a, b] = [await shard(0, 2), await shard(1, 2)];
      expect(() => mergeShards([])).toThrow("needs the shards of a trace, got none");
      expect(() => mergeShards([b])).toThrow("1 of 2 shards are missing: 0/2");
      expect(() => mergeShards([a, b, a])).toThrow("shard 0/2 is given twice");
      const third = await shard(2, 3);
      expect(() => mergeShards([a, third])).toThrow("shard 2/3 is one of 3, shard 0/2 one of 2");
      const wide = await shard(1, 2, 128);
      expect(() => mergeShards([a, wide])).toThrow("have windows of 64 and 128 requests");
      await expect(shard(2, 2)).rejects.toThrow("index must be below count (2), got 2");
      await withTraceFile(syntheticTrace(61, 43), async (otherPath) => {
        const other = await summarizeShard(otherPath, { index: 1, count: 2, windowRequests });
        expect(() => mergeShards([a, other])).toThrow(/shards 0\/2 and 1\/2 are of different traces/);
      });
      const file = join(folder, "a.shard");
      await writeShard(file, a);
      const lines = readFileSync(file, "utf8").split("\n");
      writeFileSync(file, lines[0]!);
      await expect(readShard(file)).rejects.toThrow(/a\.shard: is cut: it holds 0 of \d+ rows/);
      writeFileSync(file, lines[0]!.slice(0, 500));
      await expect(readShard(file)).rejects.toThrow(/a\.shard: is no shard of a trace/);
      await expect(readShard(path)).rejects.toThrow(/is no shard of a trace/);
    });
  });
});

describe("inspect --stream, --shard and --merge", () => {
  it("agree, whoever runs the shards: the array, the Job, one machine", async () => {
    await withTraceFile(syntheticTrace(150, 44), async (path, folder) => {
      const window = ["--window-requests", String(windowRequests)];
      const streamed = JSON.parse(prefixlab("inspect", path, "--stream", "--json", ...window).stdout);
      expect(streamed).toMatchObject({ streamed: true, rejected: 0 });
      const run = (command: string, args: string[], env: Record<string, string>) =>
        execFileSync(command, args, {
          cwd: root,
          stdio: "pipe",
          env: { ...process.env, PREFIXLAB: "node dist/cli/main.js", ...env },
        });
      const ways: Record<string, (out: string) => void> = {
        slurm: (out) => {
          // Slurm runs a copy of the script.
          const copy = join(folder, "slurm_script");
          cpSync(join(cluster, "slurm-array.sh"), copy);
          for (const task of ["0", "1"])
            run("bash", [copy, "inspect", path, out, ...window], {
              SLURM_ARRAY_TASK_ID: task,
              SLURM_ARRAY_TASK_MAX: "1",
              SLURM_SUBMIT_DIR: root,
            });
        },
        kubernetes: (out) => {
          const job = readFileSync(join(cluster, "kubernetes-job.yaml"), "utf8");
          const step = /args: \['(.*)'\]/.exec(job)?.[1] ?? "";
          const shards = / (\d+) \$STEP$/.exec(step)?.[1];
          expect(/completions: (\d+)/.exec(job)?.[1]).toBe(shards);
          for (const pod of ["0", "1"])
            run("/bin/sh", ["-c", step.replace(` ${shards} `, " 2 ")], {
              JOB_COMPLETION_INDEX: pod,
              STEP: `inspect ${path} ${out} ${window.join(" ")}`,
            });
        },
        local: (out) => {
          run(join(cluster, "local-shards.sh"), ["2", "inspect", path, out, ...window], {});
        },
      };
      for (const [name, way] of Object.entries(ways)) {
        const out = join(folder, name);
        way(out);
        const files = readdirSync(out).map((file) => join(out, file));
        const merged = prefixlab("inspect", "--merge", ...files, "--json");
        expect(JSON.parse(merged.stdout || "null"), `${name}: ${merged.stderr}`).toEqual(streamed);
      }
    });
  });

  it("say what is wrong with what they are given", async () => {
    await withTraceFile(syntheticTrace(20, 45), async (path, folder) => {
      const out = join(folder, "0.shard");
      const wrong: [string[], RegExp][] = [
        [[path, "--shard", "4/4", "--out", out], /expected i\/n with 0 <= i < n/],
        [[path, "--shard", "0/0", "--out", out], /expected i\/n with 0 <= i < n/],
        [[path, "--shard", "0/2"], /--shard needs --out FILE/],
        [[path, "--shard", "0/2", "--stream"], /give one of --stream and --shard/],
        [[path, "--merge", out], /--merge takes the files of shards only/],
        [["--merge", path], /is no shard of a trace/],
        [["--merge", join(folder, "none.shard")], /no such file/],
        [[path, "--stream", "--strict"], /--strict does not go with --stream/],
        [[], /needs a trace/],
      ];
      for (const [args, message] of wrong) {
        const { status, stderr } = prefixlab("inspect", ...args);
        expect(stderr, args.join(" ")).toMatch(message);
        expect(status, args.join(" ")).toBe(2);
      }
    });
  });
});
