import { Command, InvalidArgumentError } from "commander";
import { asObject, InputError } from "../../base/index.js";
import { compareStatistics } from "../../calibrate/index.js";
import { alignTraces, compareTraces } from "../../judge/index.js";
import { capturedEngine, type Replay, replay } from "../../replay/index.js";
import { firstTurns, sessionsOf, type Workload } from "../../sessions/index.js";
import type { EngineSettingName, EngineSettings } from "../../settings/index.js";
import { writeTrace } from "../../trace/files/index.js";
import { engineCount, inArrivalOrder, type Trace } from "../../trace/index.js";
import { type AnswerFlags, addAnswerFlag } from "../answer-flags.js";
import {
  addEngineFlags,
  type EngineFlags,
  engineFromFlags,
  parseCount,
  parsePositive,
  parseRange,
} from "../engine-flags.js";
import {
  addFleetFlags,
  addReplicaEventFlags,
  type FleetFlags,
  fleetFromFlags,
  type ReplicaEventFlags,
  replicaEventsFromFlags,
} from "../fleet-flags.js";
import { addLatencyFlags, type LatencyFlags, latencyFromFlags } from "../latency-source.js";
import { addPacingFlags, type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { addPrefillFlags, type PrefillFlags, prefillFromFlags } from "../prefill-flags.js";
import { progressBar, readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { overloadOf, replayReport } from "../replay-report.js";
import {
  addSessionFlags,
  reportSessions,
  type SessionFlags,
  sessionSourceJson,
  sessionsFromFlags,
} from "../session-flags.js";
import { capturedSeriesJson, comparisonJson, replaySeriesJson, statisticJson } from "../summary-json.js";
import { printOut } from "../terminal.js";
import { addTimeoutFlags, type TimeoutFlags, timeoutFromFlags } from "../timeout-flags.js";

interface ReplayFlags
  extends AnswerFlags,
    EngineFlags,
    FleetFlags,
    ReplicaEventFlags,
    LatencyFlags,
    PacingFlags,
    PrefillFlags,
    SessionFlags,
    TimeoutFlags {
  readonly recordedTimes?: boolean;
  readonly coldPrompts?: boolean;
  readonly rateScale: number;
  readonly thinkScale?: number;
  readonly turns?: number;
  readonly seeds: number;
  readonly seed: number;
  readonly tolerance: number;
  readonly judgeAfter?: number;
  readonly dumpTrace?: string;
  readonly force?: boolean;
  readonly against?: string;
  readonly url?: readonly string[];
  readonly modelName?: string;
  readonly tokenRange?: readonly [number, number];
  readonly timeout: number;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `replay` command: plan, run, compare. */
export function replayCommand(): Command {
  const command = new Command("replay")
    .description("Replay a trace in the simulated engine, or live against a server, and compare.")
    .argument("<trace>", "trace to replay: arrivals, pacing and sharing are taken from it")
    .option(
      "--recorded-times",
      "every request comes, gets its tokens and ends when the trace says: the cache alone, without a latency model",
    )
    .option("--cold-prompts", "make every prompt unique, so that no prefix is reused")
    .option("--rate-scale <x>", "arrivals this many times as fast", parsePositive, 1)
    .option("--think-scale <x>", "think gaps this many times as long (default: 1)", parseScale)
    .option("--turns <n>", "keep the first turns of each session", parseCount)
    .option("--seeds <n>", "replays with different seeds, averaged in the comparison", parseCount, 1)
    .option("--seed <n>", "seed of the first replay", parseCount, 1)
    .option("--tolerance <x>", "largest relative error that a gate lets pass", parsePositive, 0.1)
    .option(
      "--against <trace>",
      "compare with this capture of the same requests instead of the replayed trace",
    )
    .option("--judge-after <n>", "compare only the rows after the first n; all are replayed", parseCount)
    .option(
      "--dump-trace <file>",
      "write the modeled trace of the first seed; with --url the measured one, which replaces none that is there",
    )
    .option("--force", "with --url and --dump-trace: replace a trace that is there")
    .option(
      "--url <url>",
      "replay live against this server instead of a model; given several times: against all, behind --router",
      (url: string, urls: readonly string[] = []) => [...urls, url],
    )
    .option("--model-name <name>", "with --url: the model's name there")
    .option("--token-range <low:high>", "with --url: token ids to draw prompts from", parseRange)
    .option("--timeout <s>", "with --url: time limit of one request", parsePositive, 300)
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  addReplicaEventFlags(addPrefillFlags(addFleetFlags(command)));
  addEngineFlags(addLatencyFlags(addTimeoutFlags(addSessionFlags(addPacingFlags(addAnswerFlag(command))))));
  return command
    .addHelpText(
      "after",
      `
Example, the counterfactual of a capture, its cache off:
  npx prefixlab replay data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz \\
    --no-enable-prefix-caching --against data/cold-1.jsonl.gz

The same for a client that gives up after 10 s and then drops the conversation:
  npx prefixlab replay data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz \\
    --no-enable-prefix-caching --request-timeout 10 --on-timeout end-session

Four engines behind a router, and what of the prompts it cost them (fleet compares routers):
  npx prefixlab replay data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz --replicas 4 --router sticky

Two engines that compute prompts for two that decode, over a network of 200 Gbit/s; short prompts stay where they are decoded:
  npx prefixlab replay data/warm-1.jsonl.gz --profile h200-qwen3-8b --replicas 2 --router sticky \\
    --prefill-replicas 2 --kv-transfer-gbps 25 --non-cached-tokens 64

The same requests sent to two servers behind a router, which sees what this client sent to each and got back:
  npx prefixlab replay data/warm-1.jsonl.gz --url http://127.0.0.1:8000 --url http://127.0.0.1:8001 \\
    --router sticky --model-name my-model --dump-trace fleet.jsonl.gz

What the cache finds of a capture, apart from when its steps end:
  npx prefixlab replay data/vllm-small-pool/small-pool-1.jsonl.gz --recorded-times

The same when one of them stops after half a minute, and is back, cold, a quarter of a minute later:
  npx prefixlab replay data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz --replicas 4 --router sticky \\
    --replica-event stop:1@30 --replica-event restart:1@45

Exit code 0: every gate held, or nothing was comparable; 1: a gate did not hold; 2: bad arguments or input.
`,
    )
    .action(runReplay);
}

async function runReplay(path: string, flags: ReplayFlags): Promise<void> {
  const models = [...(flags.latencyTrace ?? []), flags.latencyModel, flags.against].filter(
    (f) => f !== undefined,
  );
  refuseOverwrite(flags.dumpTrace, [path, ...models]);
  refuseOfPart(flags);
  const whole = await readInput(path, { strict: flags.strict ?? false });
  const found = sessionsOf(whole, sessionsFromFlags(flags));
  reportSessions(path, found);
  const workload: Workload = { trace: whole, sessions: found };
  const { trace, sessions } = flags.turns === undefined ? workload : firstTurns(workload, flags.turns);
  if (flags.replicaEvent && (flags.recordedTimes || flags.url !== undefined))
    throw new InputError(
      "replay: --replica-event happens to simulated replicas: leave out --url and --recorded-times",
    );
  if (flags.prefillReplicas !== undefined && (flags.recordedTimes || flags.url !== undefined))
    throw new InputError(
      "replay: --prefill-replicas are simulated engines: leave out --url and --recorded-times",
    );
  if (flags.recordedTimes) {
    const { replayRecordedTimesCommand } = await import("./replay-recorded-times.js");
    return replayRecordedTimesCommand({ trace, sessions: found }, flags);
  }
  if (flags.url !== undefined) {
    const { replayLiveCommand } = await import("./replay-live.js");
    return replayLiveCommand(trace, found, { ...flags, url: flags.url });
  }
  const capturedReplicas = engineCount(trace.meta);
  const fleet = fleetFromFlags("replay", flags, trace);
  const prefillGiven = await prefillFromFlags("replay", flags, flags);
  const { prefillEvents, ...events } = replicaEventsFromFlags(
    flags,
    flags.replicas ?? capturedReplicas,
    prefillGiven?.replicas,
  );
  const prefill = prefillGiven && { ...prefillGiven, ...(prefillEvents && { replicaEvents: prefillEvents }) };
  const tellsFleet =
    flags.replicas !== undefined ||
    capturedReplicas > 1 ||
    flags.replicaEvent !== undefined ||
    prefill !== undefined;
  const engine = engineFromFlags(flags);
  const pacing = pacingFromFlags(flags);
  const limit = timeoutFromFlags(flags);
  const model = await latencyFromFlags(flags);
  const replays = Array.from({ length: flags.seeds }, (_, k): Replay => {
    const bar = progressBar(`replaying, seed ${flags.seed + k}`);
    try {
      return replay(
        { trace, sessions },
        {
          model,
          engine,
          ...pacing,
          ...limit,
          ...fleet,
          ...events,
          ...(prefill && { prefill }),
          tellsReuse: tellsFleet && k === 0,
          answerReuse: flags.answerReuse,
          prompts: flags.coldPrompts ? "unique" : "recorded",
          rateScale: flags.rateScale,
          ...(flags.thinkScale !== undefined && { thinkScale: flags.thinkScale }),
          seed: flags.seed + k,
          onProgress: bar.update,
        },
      );
    } finally {
      bar.stop();
    }
  });
  const first = replays[0];
  const captured = flags.against === undefined ? trace : await readSameRequests(flags.against, trace);
  // Without its own capture, what a what-if differs by is an effect, not an error: nothing is judged.
  const isWhatIf =
    flags.against === undefined &&
    (flags.coldPrompts === true ||
      flags.rateScale !== 1 ||
      flags.turns !== undefined ||
      (flags.thinkScale ?? 1) !== 1 ||
      (flags.replicas ?? capturedReplicas) !== capturedReplicas ||
      flags.replicaEvent !== undefined ||
      prefill !== undefined ||
      changesLimit(limit.requestTimeoutMs, trace) ||
      changesEngine(engine, trace));
  const { judgeAfter = 0 } = flags;
  if (judgeAfter >= trace.records.length)
    throw new InputError(
      `replay: --judge-after ${judgeAfter} leaves nothing to compare: the trace has ${trace.records.length} rows`,
    );
  const statistics = compareStatistics(
    captured.records.slice(judgeAfter),
    first.trace.records.slice(judgeAfter),
  );
  const comparison = compareTraces(
    { trace: captured, sessions },
    {
      ...(judgeAfter > 0 && { isJudged: (index: number) => index >= judgeAfter }),
      modeled: replays.map((r) => r.trace),
      tolerance: flags.tolerance,
      kind: isWhatIf ? "difference" : "error",
    },
  );
  if (flags.json) {
    const document = {
      ...replaySeriesJson(first),
      source: capturedSeriesJson({ trace: captured, sessions }),
      ...comparisonJson(comparison),
      ...(judgeAfter > 0 && { judge_after: judgeAfter }),
      overload: overloadOf(first) ?? null,
      sessions: sessionSourceJson(found),
      statistics: statistics.map(statisticJson),
    };
    printOut(`${JSON.stringify(document, null, 2)}\n`);
  } else printOut(replayReport({ replays, sessions, comparison, statistics, judgeAfter }));
  if (flags.dumpTrace !== undefined) {
    const records = inArrivalOrder([...first.trace.records]);
    await writeTrace(flags.dumpTrace, { ...first.trace, records });
  }
  if (comparison.verdict === "fail") process.exitCode = 1;
}

/** What would be of other requests than those that are replayed. */
function refuseOfPart({ turns, thinkScale, against, url, recordedTimes }: ReplayFlags): void {
  const flag = turns !== undefined ? "--turns" : thinkScale !== undefined ? "--think-scale" : undefined;
  if (flag === undefined) return;
  const other = url !== undefined ? "--url" : recordedTimes ? "--recorded-times" : undefined;
  if (other !== undefined)
    throw new InputError(`replay: ${flag} is for the simulated engine: leave it out with ${other}`);
  if (turns !== undefined && against !== undefined)
    throw new InputError(
      "replay: --turns keeps a part of the trace, and --against is a capture of all of it",
    );
}

/** A number >= 0 from the command line. */
function parseScale(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError("expected a number >= 0");
  return value;
}

/** Another capture of the requests of a trace, in the trace's order. */
async function readSameRequests(path: string, trace: Trace): Promise<Trace> {
  const other = await readInput(path);
  if (other.records.length !== trace.records.length)
    throw new InputError(
      `--against has ${other.records.length} requests, the replayed trace ${trace.records.length}: they must be captures of the same requests`,
    );
  const aligned = alignTraces(trace, other);
  if (aligned) return aligned;
  const k = trace.records.findIndex(({ promptTokens }, i) => promptTokens !== other.records[i].promptTokens);
  if (k >= 0)
    throw new InputError(
      `--against is no capture of the same requests: request ${k + 1} has ${other.records[k].promptTokens} prompt tokens there and ${trace.records[k].promptTokens} in the replayed trace, and recorded sessions and turns do not tell which is which`,
    );
  return other;
}

/** True when the client gives up on requests after another time than the capture tells of its own client. */
function changesLimit(requestTimeoutMs: number | undefined, { meta: { extra } }: Trace): boolean {
  if (requestTimeoutMs === undefined) return false;
  const { options, request_timeout_ms: modeled } = extra;
  return ![modeled, asObject(options)?.timeout_ms].includes(requestTimeoutMs);
}

/** True when the flags give the engine another setting than the one that the capture tells of its own. */
function changesEngine(flags: Partial<EngineSettings>, trace: Trace): boolean {
  const cachesUnlessTold = { enablePrefixCaching: true, ...capturedEngine(trace.meta) };
  return Object.entries(cachesUnlessTold).some(([name, captured]) => {
    const wanted = flags[name as EngineSettingName];
    return wanted !== undefined && wanted !== captured;
  });
}
