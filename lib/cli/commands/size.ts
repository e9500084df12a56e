import { Command } from "commander";
import { bytesPerGib, InputError, type Tokens } from "../../base/index.js";
import { evictions, serialHits } from "../../cache/index.js";
import {
  type Draw,
  DrawingThread,
  memoryFigure,
  timeToLiveFigure,
  ttftByPoolFigure,
  writeFigure,
} from "../../figure/index.js";
import { type KvLayout, kvLayoutFromConfig, kvWindowBytesKept } from "../../hardware/index.js";
import type { LatencyModel } from "../../latency/index.js";
import { capturedEngine, tokenShare } from "../../replay/index.js";
import { sessionsOf, type Workload } from "../../sessions/index.js";
import type { EngineSettings } from "../../settings/index.js";
import {
  type MemoryCurve,
  memoryCurve,
  planCosts,
  type ServedInTurn,
  servedInTurn,
  slowerWithMore,
  tierShares,
  timeToLiveCurve,
  ttftByPool,
} from "../../size/index.js";
import { type AnswerFlags, addAnswerFlag } from "../answer-flags.js";
import { addEngineFlags, type EngineFlags, engineFromFlags, parsePositive } from "../engine-flags.js";
import { readJsonFile } from "../json-file.js";
import {
  addLatencyFlags,
  givenLatencyFlags,
  type LatencyFlags,
  latencyFromFlags,
} from "../latency-source.js";
import { addPacingFlags, type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { progressBar, readInput } from "../read-input.js";
import { readPrices } from "../read-prices.js";
import {
  addSessionFlags,
  reportSessions,
  type SessionFlags,
  sessionSourceJson,
  sessionsFromFlags,
} from "../session-flags.js";
import { type PolicyRow, type SizeResult, sizeJson, sizeReport } from "../size-report.js";
import { printErr, printOut } from "../terminal.js";

interface SizeFlags extends AnswerFlags, EngineFlags, LatencyFlags, PacingFlags, SessionFlags {
  readonly poolGib?: readonly number[];
  readonly ttl: readonly number[];
  readonly prices?: string;
  readonly policies?: boolean;
  readonly outDir?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** Sizes at which replays say what TTFT becomes, and policies are run one by one. */
const replayedSizes = 5;

/** The `size` command: how much memory a workload's prefix cache needs. */
export function sizeCommand(): Command {
  const command = new Command("size")
    .description(
      "How much memory a prefix cache needs: hits against pool size, tiers, time to live and price.",
    )
    .argument("<trace>", "trace with block hashes")
    .option("--pool-gib <x,...>", "further pools to give a row to, GiB", parseList)
    .option("--ttl <s,...>", "times to live, seconds", parseList, [60, 300, 3600])
    .option(
      "--prices <file>",
      "a provider's prices, for what the prompts cost there (as data/examples/prices.json)",
    )
    .option(
      "--policies",
      "run each eviction policy at five sizes, beside the best there can be; LRU alone can be had at all sizes at once",
    )
    .option(
      "--out-dir <dir>",
      "write memory.html, .svg and .png, time-to-live.* and, with a latency model, ttft.* here",
    )
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  addEngineFlags(addLatencyFlags(addPacingFlags(addSessionFlags(addAnswerFlag(command)))));
  return command
    .addHelpText(
      "after",
      `
Shares are of all prompt tokens, for requests served one after another in order of arrival: exact at every size. An engine
serves several at once, and its running requests hold blocks: with a latency model, replays at five sizes say what it finds
and what TTFT becomes. A --model-config without --gpu gives the bytes of a token alone.

Example:
  npx prefixlab size data/warm-1.jsonl.gz --profile h200-qwen3-8b --ttl 1,10,60
`,
    )
    .action(runSize);
}

async function runSize(path: string, flags: SizeFlags): Promise<void> {
  const engine = engineFromFlags(flags);
  if (engine.sharedKvGib)
    throw new InputError(
      "size: --shared-kv-gib is a store that replicas share, and size serves one engine: give --cpu-kv-gib or --disk-kv-gib, or replay with --replicas",
    );
  const thread = flags.outDir === undefined ? undefined : new DrawingThread();
  const trace = await readInput(path, { strict: flags.strict ?? false });
  const sessions = sessionsOf(trace, sessionsFromFlags(flags));
  const workload: Workload = { trace, sessions };
  const { answerReuse } = flags;
  const served = servedInTurn(workload, {
    answerReuse,
    ...(engine.blockSize !== undefined && { blockSize: engine.blockSize }),
  });
  const prices = flags.prices === undefined ? undefined : await readPrices(flags.prices);
  const model = await modelOf(flags);
  const layout = await layoutOf(flags, served.blockSize);
  const layoutBytes = layout && layout.bytesPerToken * layout.tensorParallel;
  const bytesPerToken =
    engine.kvBytesPerToken ??
    model?.memory?.kvBytesPerToken ??
    (layoutBytes || capturedEngine(trace.meta).kvBytesPerToken);
  const tokensOf = (flag: string, gib: number): Tokens => {
    if (bytesPerToken === undefined)
      throw new InputError(
        `${flag} is in GiB, and nothing tells the bytes of a token: give --bytes-per-token, --model-config or --profile`,
      );
    return Math.floor((gib * bytesPerGib) / bytesPerToken);
  };
  // A pool is whole blocks: so every table and figure speaks of the same one.
  const given = (flags.poolGib ?? []).map(
    (gib) => Math.floor(tokensOf("--pool-gib", gib) / served.blockSize) * served.blockSize,
  );
  const tiers =
    engine.cpuKvGib === undefined && engine.diskKvGib === undefined
      ? undefined
      : {
          cpuTokens: engine.cpuKvGib === undefined ? 0 : tokensOf("--cpu-kv-gib", engine.cpuKvGib),
          diskTokens: engine.diskKvGib === undefined ? 0 : tokensOf("--disk-kv-gib", engine.diskKvGib),
        };
  const curve = memoryCurve(served, { poolTokens: given });
  const ttl = served.arrivalMs ? timeToLiveCurve(served) : undefined;
  if (prices && !ttl)
    throw new InputError(
      `${path}: --prices needs arrival times, which the trace has not: when a cache is read is not known`,
    );
  const costs =
    prices && ttl
      ? {
          prices,
          rows: planCosts(
            served,
            ttl,
            prices,
            flags.ttl.map((seconds) => seconds * 1000),
          ),
        }
      : undefined;
  const probed = given.length > 0 ? given : spread(curve, replayedSizes);
  const ttft = model
    ? replays(workload, probed, model, { ...engine, kvBytesPerToken: bytesPerToken }, flags)
    : undefined;
  const result: SizeResult = {
    path,
    served,
    curve,
    bytesPerToken,
    notes: [...served.assumptions, ...(layout ? layoutNotes(layout, served.blockSize) : [])],
    tiers,
    ttl,
    ttlSeconds: flags.ttl,
    costs,
    policies: flags.policies ? byPolicy(served, probed) : undefined,
    ttft,
    slower: ttft ? slowerWithMore(ttft) : [],
  };
  if (flags.outDir !== undefined) await drawFigures(result, flags.outDir, thread?.draw);
  if (!flags.json) reportSessions(path, sessions);
  printOut(
    flags.json
      ? `${JSON.stringify({ ...sizeJson(result), session_source: sessionSourceJson(sessions) }, null, 2)}\n`
      : sizeReport(result),
  );
}

/** The latency model that the flags name; a config without a card names none. */
async function modelOf(flags: SizeFlags): Promise<LatencyModel | undefined> {
  const given = givenLatencyFlags(flags);
  const isConfigAlone = flags.modelConfig !== undefined && flags.gpu === undefined;
  return given.length === 0 || isConfigAlone ? undefined : latencyFromFlags(flags);
}

/** The KV cache of the model whose config is given, on all its cards together. */
async function layoutOf(flags: SizeFlags, blockSize: Tokens): Promise<KvLayout | undefined> {
  if (flags.modelConfig === undefined) return undefined;
  return kvLayoutFromConfig(await readJsonFile(flags.modelConfig), {
    ...(flags.kvDtype && { kvDtype: flags.kvDtype }),
    ...(flags.tp !== undefined && { tensorParallel: flags.tp }),
    ...(blockSize % 16 === 0 && { blockSize }),
  });
}

/** What a model's groups of layers mean for the curve, in words for the user. */
function layoutNotes(layout: KvLayout, blockSize: Tokens): string[] {
  const { name, prefixReuse, hitTokens, bytesPerToken, warnings } = layout;
  const windowBytes = kvWindowBytesKept(layout);
  return [
    ...warnings.map((warning) => `${name}: ${warning}`),
    ...(bytesPerToken === 0
      ? [
          `${name}: no layer keeps the whole context, so memory does not grow by the token: sizes are in tokens alone`,
        ]
      : []),
    ...(prefixReuse === "blocks"
      ? []
      : [
          `${name}: a hit also needs ${prefixReuse === "state" ? "a recurrent state kept just there" : "the last window of some layers"}, which is not modeled: shares are the most that can be found, and windows or states take memory beside`,
        ]),
    ...(prefixReuse === "window" && windowBytes > 0
      ? [
          `${name}: vLLM 0.32 keeps windows where prompts end, none in answers: a next turn computes the answer again; each prompt kept takes ${Number(((windowBytes * layout.tensorParallel) / 2 ** 20).toPrecision(3))} MiB of windows beside${bytesPerToken > 0 ? `, as much as ${Math.round(windowBytes / bytesPerToken)} tokens` : ""}`,
        ]
      : []),
    ...(hitTokens > blockSize
      ? [`${name}: a prefix is found in multiples of ${hitTokens} tokens: give --block-size ${hitTokens}`]
      : []),
  ];
}

/** Some of a curve's sizes, from the smallest to the largest. */
function spread({ rows }: MemoryCurve, count: number): Tokens[] {
  const at = (k: number) => rows[Math.round((k * (rows.length - 1)) / (count - 1))].poolTokens;
  return [...new Set(Array.from({ length: count }, (_, k) => at(k)))];
}

function replays(
  workload: Workload,
  poolTokens: readonly Tokens[],
  model: LatencyModel,
  engine: Partial<EngineSettings>,
  flags: SizeFlags,
) {
  const bar = progressBar("replaying");
  try {
    return ttftByPool(workload, poolTokens, {
      model,
      answerReuse: flags.answerReuse,
      engine,
      ...pacingFromFlags(flags),
      onProgress: (done) => bar.update(done),
    });
  } finally {
    bar.stop();
  }
}

function byPolicy(served: ServedInTurn, poolTokens: readonly Tokens[]): PolicyRow[] {
  const { accesses, blockSize } = served;
  return poolTokens.map((tokens) => ({
    poolTokens: tokens,
    shares: Object.fromEntries(
      Object.entries(evictions).map(([name, policy]) => [
        name,
        tokenShare(serialHits(accesses, Math.floor(tokens / blockSize), policy()), served),
      ]),
    ),
  }));
}

async function drawFigures(
  { path, served, curve, bytesPerToken, tiers, ttl, ttft }: SizeResult,
  dir: string,
  draw: Draw | undefined,
): Promise<void> {
  const bytes = bytesPerToken === undefined ? {} : { bytesPerToken };
  const files = [
    await writeFigure(
      memoryFigure({
        rows: curve.rows.map((row) => ({
          ...row,
          ...(tiers && { withTiers: sumOf(tierShares(curve, { poolTokens: row.poolTokens, ...tiers })) }),
        })),
        requests: served.runs.count,
        unbounded: curve.unbounded,
        kneeTokens: curve.kneeTokens,
        ...bytes,
      }),
      dir,
      "memory",
      draw,
    ),
    ...(ttl
      ? [
          await writeFigure(
            timeToLiveFigure({
              requests: served.runs.count,
              share: ttl.share,
              longestIdleMs: ttl.longestIdleMs,
              unbounded: curve.unbounded,
            }),
            dir,
            "time-to-live",
            draw,
          ),
        ]
      : []),
  ];
  if (ttft)
    files.push(
      await writeFigure(
        ttftByPoolFigure({ rows: ttft, requests: served.runs.count, ...bytes }),
        dir,
        "ttft",
        draw,
      ),
    );
  for (const { png } of files) printErr(`${path}: wrote ${png} and the same as .svg and .html\n`);
}

function sumOf({ pool, cpu, disk }: { pool: number; cpu: number; disk: number }): number {
  return pool + cpu + disk;
}

function parseList(text: string): number[] {
  return text.split(",").map(parsePositive);
}
