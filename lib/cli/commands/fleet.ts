import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { InputError } from "../../base/index.js";
import {
  type Draw,
  DrawingThread,
  routerFigure,
  survivalPanels,
  writeFigure,
  xyChart,
} from "../../figure/index.js";
import { routers } from "../../fleet/index.js";
import { compareRouters, type RouterComparison, type RouterOutcome } from "../../judge/index.js";
import { writeWhole } from "../../output/index.js";
import { loadImbalance } from "../../replay/index.js";
import { sessionsOf } from "../../sessions/index.js";
import { type AnswerFlags, addAnswerFlag } from "../answer-flags.js";
import {
  addEngineFlags,
  type EngineFlags,
  engineFromFlags,
  parseCount,
  parsePositive,
} from "../engine-flags.js";
import { addLatencyFlags, type LatencyFlags, latencyFromFlags } from "../latency-source.js";
import { addPacingFlags, type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { addPrefillFlags, type PrefillFlags, prefillFromFlags } from "../prefill-flags.js";
import { progressBar, readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { comparedJson, comparedReport } from "../router-report.js";
import { survivalByCohort, survivalByReplica } from "../router-views.js";
import {
  addSessionFlags,
  reportSessions,
  type SessionFlags,
  sessionSourceJson,
  sessionsFromFlags,
} from "../session-flags.js";
import { printErr, printOut } from "../terminal.js";
import { addTimeoutFlags, type TimeoutFlags, timeoutFromFlags } from "../timeout-flags.js";

interface FleetCommandFlags
  extends AnswerFlags,
    EngineFlags,
    LatencyFlags,
    PacingFlags,
    PrefillFlags,
    SessionFlags,
    TimeoutFlags {
  readonly replicas: number;
  readonly routers: readonly string[];
  readonly show?: string;
  readonly rateScale: number;
  readonly seed: number;
  readonly outDir?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `fleet` command: how to route a workload over several engines. */
export function fleetCommand(): Command {
  const command = new Command("fleet")
    .description(
      "How to route: a trace on several engines under each router, on the same arrivals, with intervals.",
    )
    .argument("<trace>", "trace to replay: arrivals, pacing and sharing are taken from it")
    .requiredOption("--replicas <n>", "equal engines behind the router", parseCount)
    .option(
      "--routers <name,...>",
      `routers to compare, the others against the first; options behind a name as in sticky:ttl=300 (default: ${Object.keys(routers).join(",")})`,
      parseNames,
      Object.keys(routers),
    )
    .option("--rate-scale <x>", "arrivals this many times as fast", parsePositive, 1)
    .option("--seed <n>", "seed of the replays", parseCount, 1)
    .option(
      "--out-dir <dir>",
      "draw it: fleet.html, .svg, .png and .json, fleet-load.* and fleet-ttft.* go there",
    )
    .option(
      "--show <router>",
      "router of fleet-load and fleet-ttft (default: the one with the least TTFT p50)",
    )
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  addPrefillFlags(command);
  addEngineFlags(addLatencyFlags(addTimeoutFlags(addSessionFlags(addPacingFlags(addAnswerFlag(command))))));
  return command
    .addHelpText(
      "after",
      `
Routers: ${Object.entries(routers)
        .map(([name, { says }]) => `${name} (${says})`)
        .join("; ")}.

Offered: what one pool that gives nothing up would have found. Of that, some is lost to routing (another replica had it), some
to eviction (the replica had it, and gave it up). Imbalance: the time that the busiest replica works, over the mean.

Example:
  npx prefixlab fleet data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz --replicas 4 \\
    --routers round-robin,least-loaded,sticky,prefix-affinity --out-dir out

The same with two of the four in front of the others, for prefills:
  npx prefixlab fleet data/warm-1.jsonl.gz --profile h200-qwen3-8b --replicas 2 --prefill-replicas 2 \\
    --routers round-robin,sticky
`,
    )
    .action(runFleetCommand);
}

async function runFleetCommand(path: string, flags: FleetCommandFlags): Promise<void> {
  const outDir = flags.outDir;
  if (outDir !== undefined)
    for (const file of ["fleet.html", "fleet.svg", "fleet.png", "fleet.json"])
      refuseOverwrite(join(outDir, file), [path]);
  if (flags.show !== undefined && outDir === undefined)
    throw new InputError("fleet: --show chooses what is drawn: give --out-dir DIR with it");
  const thread = outDir === undefined ? undefined : new DrawingThread();
  const trace = await readInput(path, { strict: flags.strict ?? false });
  const sessions = sessionsOf(trace, sessionsFromFlags(flags));
  reportSessions(path, sessions);
  const model = await latencyFromFlags(flags);
  const prefill = await prefillFromFlags("fleet", flags, flags);
  const bar = progressBar("replaying");
  let router = 0;
  let comparison: RouterComparison;
  try {
    comparison = compareRouters(
      { trace, sessions },
      {
        model,
        engine: engineFromFlags(flags),
        ...pacingFromFlags(flags),
        ...timeoutFromFlags(flags),
        replicas: flags.replicas,
        ...(prefill && { prefill }),
        routers: flags.routers,
        answerReuse: flags.answerReuse,
        rateScale: flags.rateScale,
        seed: flags.seed,
        onRouter: (_, index) => {
          router = index;
        },
        onProgress: (fraction) => bar.update((router + fraction) / flags.routers.length),
      },
    );
  } finally {
    bar.stop();
  }
  const shown = outcomeToShow(comparison, flags.show);
  const document = { ...comparedJson(comparison), session_source: sessionSourceJson(sessions) };
  const json = `${JSON.stringify(document, null, 2)}\n`;
  printOut(flags.json ? json : comparedReport(comparison));
  if (outDir !== undefined)
    printErr(`wrote ${(await drawFleet(comparison, shown, outDir, json, thread?.draw)).join(", ")}\n`);
}

function outcomeToShow({ outcomes }: RouterComparison, name: string | undefined): RouterOutcome {
  if (name === undefined)
    return outcomes.reduce((best, one) =>
      (one.ttftMs.p50.estimate ?? Number.POSITIVE_INFINITY) <
      (best.ttftMs.p50.estimate ?? Number.POSITIVE_INFINITY)
        ? one
        : best,
    );
  const found = outcomes.find(({ router }) => router === name);
  if (found) return found;
  throw new InputError(
    `fleet: --show ${name} is not compared: expected one of ${outcomes.map(({ router }) => router).join(", ")}`,
  );
}

/** @returns the files written */
async function drawFleet(
  comparison: RouterComparison,
  { router, replay }: RouterOutcome,
  dir: string,
  json: string,
  draw: Draw | undefined,
): Promise<string[]> {
  const load = loadImbalance(replay.run);
  const seconds = load.timesMs.map((ms) => ms / 1000);
  const n = replay.trace.records.length;
  const figures = {
    fleet: routerFigure(comparison),
    "fleet-load": xyChart({
      title: `Requests at the replicas, router ${router}`,
      subtitle: `modeled, ${comparison.replicas} replicas; means over spans of the run; the area is from the least to the most loaded one`,
      x: { title: "time since the start, s", unit: "number", min: 0 },
      y: { title: "waiting and running", unit: "count", min: 0 },
      series: [
        {
          label: ["mean of all"],
          x: seconds,
          y: load.mean,
          lower: load.fewest,
          upper: load.most,
          colour: "modeled",
          draw: "line",
        },
        { label: ["most loaded"], x: seconds, y: load.most, colour: "accent", draw: "line", dashed: true },
      ],
    }),
    "fleet-ttft": survivalPanels({
      title: `Time to first token, router ${router}`,
      subtitle: `share of requests still waiting for their first token after x; modeled, ${comparison.replicas} replicas, n = ${n}`,
      panels: [survivalByCohort(replay), survivalByReplica(replay)],
    }),
  };
  const files: string[] = [];
  for (const [name, figure] of Object.entries(figures))
    files.push(...Object.values(await writeFigure(figure, dir, name, draw)));
  const jsonFile = join(dir, "fleet.json");
  await writeWhole(jsonFile, json);
  return [...files, jsonFile];
}

function parseNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("expected names between commas");
  return names;
}
