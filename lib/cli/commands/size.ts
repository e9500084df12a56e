import { Command, InvalidArgumentError } from "commander";
import { InputError, type Tokens } from "../../base/index.js";
import { evictions, serialHits } from "../../cache/index.js";
import { memoryFigure, timeToLiveFigure, writeFigure } from "../../figure/index.js";
import { kvBytesPerTokenOver, modelShapeFromConfig } from "../../hardware/index.js";
import type { LatencyModel } from "../../latency/index.js";
import { sessionsOf, type Workload } from "../../sessions/index.js";
import type { EngineSettings } from "../../settings/index.js";
import {
  type CachePrices,
  cachePricesFromJson,
  type MemoryCurve,
  memoryCurve,
  type PlanCost,
  planCosts,
  type ServedInTurn,
  type SlowerWithMore,
  servedInTurn,
  slowerWithMore,
  type TimeToLiveCurve,
  type TtftByPoolRow,
  tierShares,
  timeToLiveCurve,
  ttftByPool,
} from "../../size/index.js";
import { addEngineFlags, type EngineFlags, engineFromFlags } from "../engine-flags.js";
import { readJsonFile } from "../json-file.js";
import {
  addLatencyFlags,
  givenLatencyFlags,
  type LatencyFlags,
  latencyFromFlags,
} from "../latency-source.js";
import { addPacingFlags, type PacingFlags, pacingFromFlags } from "../pacing-flags.js";
import { formatTable, showMs } from "../print-table.js";
import { progressBar, readInput } from "../read-input.js";
import {
  addSessionFlags,
  reportSessions,
  type SessionFlags,
  sessionSourceJson,
  sessionsFromFlags,
} from "../session-flags.js";
import { printErr, printOut } from "../terminal.js";

interface SizeFlags extends EngineFlags, LatencyFlags, PacingFlags, SessionFlags {
  readonly poolGib?: readonly number[];
  readonly ttl: readonly number[];
  readonly prices?: string;
  readonly policies?: boolean;
  readonly outDir?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** Parts of what can be found at all that the report names the pool for. */
const parts = [0.5, 0.8, 0.95, 0.99] as const;

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
      "prices of prompt tokens at providers, JSON: what the workload costs under each plan",
    )
    .option("--policies", "run each eviction policy at five sizes, beside the best there can be")
    .option("--out-dir <dir>", "write memory.html, .svg, .png and time-to-live.* here")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  addEngineFlags(addLatencyFlags(addPacingFlags(addSessionFlags(command))));
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
  const trace = await readInput(path, { strict: flags.strict ?? false });
  const sessions = sessionsOf(trace, sessionsFromFlags(flags));
  const workload: Workload = { trace, sessions };
  const served = servedInTurn(
    workload,
    engine.blockSize === undefined ? {} : { blockSize: engine.blockSize },
  );
  const prices =
    flags.prices === undefined ? undefined : cachePricesFromJson(await readJsonFile(flags.prices));
  const model = await modelOf(flags);
  const bytesPerToken =
    engine.kvBytesPerToken ?? model?.memory?.kvBytesPerToken ?? (await configBytes(flags));
  const tokensOf = (flag: string, gib: number): Tokens => {
    if (bytesPerToken === undefined)
      throw new InputError(
        `${flag} is in GiB, and nothing tells the bytes of a token: give --bytes-per-token, --model-config or --profile`,
      );
    return Math.floor((gib * 2 ** 30) / bytesPerToken);
  };
  const given = (flags.poolGib ?? []).map((gib) => tokensOf("--pool-gib", gib));
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
  const costs = prices && ttl ? { prices, rows: planCosts(served, ttl, prices.plans) } : undefined;
  const probed = given.length > 0 ? given : spread(curve, replayedSizes);
  const ttft = model
    ? replays(workload, probed, model, { ...engine, kvBytesPerToken: bytesPerToken }, flags)
    : undefined;
  const result: SizeResult = {
    path,
    served,
    curve,
    bytesPerToken,
    tiers,
    ttl,
    ttlSeconds: flags.ttl,
    costs,
    policies: flags.policies ? byPolicy(served, probed) : undefined,
    ttft,
    slower: ttft ? slowerWithMore(ttft) : [],
  };
  if (flags.outDir !== undefined) await drawFigures(result, flags.outDir);
  if (!flags.json) reportSessions(path, sessions);
  printOut(
    flags.json
      ? `${JSON.stringify({ ...sizeJson(result), session_source: sessionSourceJson(sessions) }, null, 2)}\n`
      : sizeReport(result),
  );
}

interface SizeResult {
  readonly path: string;
  readonly served: ServedInTurn;
  readonly curve: MemoryCurve;
  readonly bytesPerToken: number | undefined;
  readonly tiers: { readonly cpuTokens: Tokens; readonly diskTokens: Tokens } | undefined;
  readonly ttl: TimeToLiveCurve | undefined;
  readonly ttlSeconds: readonly number[];
  readonly costs: { readonly prices: CachePrices; readonly rows: readonly PlanCost[] } | undefined;
  readonly policies: readonly PolicyRow[] | undefined;
  readonly ttft: readonly TtftByPoolRow[] | undefined;
  readonly slower: readonly SlowerWithMore[];
}

/** What each shipped policy finds in a pool of this size, as shares of prompt tokens. */
interface PolicyRow {
  readonly poolTokens: Tokens;
  readonly shares: Readonly<Record<string, number>>;
}

/** The latency model that the flags name; a config without a card names none. */
async function modelOf(flags: SizeFlags): Promise<LatencyModel | undefined> {
  const given = givenLatencyFlags(flags);
  const isConfigAlone = flags.modelConfig !== undefined && flags.gpu === undefined;
  return given.length === 0 || isConfigAlone ? undefined : latencyFromFlags(flags);
}

async function configBytes(flags: SizeFlags): Promise<number | undefined> {
  if (flags.modelConfig === undefined) return undefined;
  const shape = modelShapeFromConfig(await readJsonFile(flags.modelConfig), {
    ...(flags.kvDtype && { kvDtype: flags.kvDtype }),
    ...(flags.dtype && { dtype: flags.dtype }),
  });
  return kvBytesPerTokenOver(shape, flags.tp ?? 1);
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
      engine,
      ...pacingFromFlags(flags),
      onProgress: (done) => bar.update(done),
    });
  } finally {
    bar.stop();
  }
}

function byPolicy(served: ServedInTurn, poolTokens: readonly Tokens[]): PolicyRow[] {
  const { accesses, blockSize, promptTokens } = served;
  return poolTokens.map((tokens) => ({
    poolTokens: tokens,
    shares: Object.fromEntries(
      Object.entries(evictions).map(([name, policy]) => [
        name,
        (serialHits(accesses, Math.floor(tokens / blockSize), policy()) * blockSize) / promptTokens,
      ]),
    ),
  }));
}

async function drawFigures(
  { path, served, curve, bytesPerToken, tiers, ttl }: SizeResult,
  dir: string,
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
          ),
        ]
      : []),
  ];
  for (const { png } of files) printErr(`${path}: wrote ${png} and the same as .svg and .html\n`);
}

function sumOf({ pool, cpu, disk }: { pool: number; cpu: number; disk: number }): number {
  return pool + cpu + disk;
}

function gibOf(tokens: Tokens, bytesPerToken: number | undefined): number | null {
  return bytesPerToken === undefined ? null : (tokens * bytesPerToken) / 2 ** 30;
}

function sizeJson(result: SizeResult): Record<string, unknown> {
  const { served, curve, bytesPerToken, tiers, ttl, ttlSeconds, costs, policies, ttft, slower } = result;
  const gib = (tokens: Tokens) => gibOf(tokens, bytesPerToken);
  return {
    requests: served.runs.count,
    prompt_tokens: served.promptTokens,
    block_size: served.blockSize,
    kv_bytes_per_token: bytesPerToken ?? null,
    longest_request_tokens: served.longestTokens,
    unbounded: curve.unbounded,
    saturation_tokens: curve.saturationTokens,
    saturation_gib: gib(curve.saturationTokens),
    knee_tokens: curve.kneeTokens,
    knee_gib: gib(curve.kneeTokens),
    for_share: Object.fromEntries(parts.map((part) => [String(part), gib(curve.poolTokensFor(part))])),
    for_share_tokens: Object.fromEntries(parts.map((part) => [String(part), curve.poolTokensFor(part)])),
    curve: curve.rows.map(({ poolTokens, lru, optimum }) => ({
      pool_tokens: poolTokens,
      pool_gib: gib(poolTokens),
      lru,
      optimum,
      ...(tiers && { tiers: tierShares(curve, { poolTokens, ...tiers }) }),
    })),
    policies:
      policies?.map(({ poolTokens, shares }) => ({
        pool_tokens: poolTokens,
        pool_gib: gib(poolTokens),
        ...shares,
      })) ?? null,
    ttl: ttl
      ? ttlSeconds.map((seconds) => ({
          ttl_s: seconds,
          share: ttl.share(seconds * 1000),
          mean_tokens: ttl.meanTokens(seconds * 1000),
          mean_gib: gib(ttl.meanTokens(seconds * 1000)),
        }))
      : null,
    costs: costs
      ? {
          currency: costs.prices.currency,
          plans: costs.rows.map(({ plan, readShare, perRequest, perRequestWithout, breakEvenShare }) => ({
            name: plan.name,
            read_share: readShare,
            per_request: perRequest,
            per_request_without: perRequestWithout,
            break_even_share: Number.isFinite(breakEvenShare) ? breakEvenShare : null,
            source: plan.source ?? null,
            as_of: plan.asOf ?? null,
          })),
        }
      : null,
    ttft:
      ttft?.map(({ poolTokens, cachedShare, ttftMs, preemptions }) => ({
        pool_tokens: poolTokens,
        pool_gib: gib(poolTokens),
        cached_share: cachedShare,
        ttft_p50_ms: ttftMs.p50,
        ttft_p99_ms: ttftMs.p99,
        preemptions,
      })) ?? null,
    slower_with_more: slower.map((step) => ({
      from_tokens: step.fromTokens,
      to_tokens: step.toTokens,
      quantile: step.quantile,
      from_ms: step.fromMs,
      to_ms: step.toMs,
    })),
    assumptions: served.assumptions,
  };
}

function sizeReport(result: SizeResult): string {
  const { path, served, curve, bytesPerToken, tiers, ttl, ttlSeconds, costs, policies, ttft, slower } =
    result;
  const size = (tokens: Tokens) => {
    const gib = gibOf(tokens, bytesPerToken);
    return gib === null ? `${tokens} tokens` : `${tokens} tokens = ${Number(gib.toPrecision(3))} GiB`;
  };
  const sizeCells = (tokens: Tokens) => {
    const gib = gibOf(tokens, bytesPerToken);
    return [String(tokens), gib === null ? "-" : Number(gib.toPrecision(3)).toString()];
  };
  const shown = curve.rows.filter((_, at) => at % 4 === 0 || at === curve.rows.length - 1);
  const tierNames = tiers ? ["from CPU", "from disk"] : [];
  const sections = [
    [
      `${path}: ${served.runs.count} requests, ${served.promptTokens} prompt tokens in blocks of ${served.blockSize}; ${percent(curve.unbounded)} of them were sent before`,
      bytesPerToken === undefined
        ? "KV: bytes of a token are not told, sizes are in tokens; --bytes-per-token, --model-config or --profile give GiB"
        : `KV: ${bytesPerToken} bytes a token`,
      ...served.assumptions.map((assumption) => `assumed: ${assumption}`),
      `longest request: ${size(served.longestTokens)}; a smaller pool cannot serve it`,
      `knee: ${size(curve.kneeTokens)} finds ${percent(curve.lru(curve.kneeTokens))}; nothing more beyond ${size(curve.saturationTokens)}`,
      ...parts.map((part) => `${percent(part)} of what can be found: ${size(curve.poolTokensFor(part))}`),
    ].join("\n"),
    `Served one after another, share of prompt tokens found:\n${formatTable(
      ["pool, tokens", "GiB", "LRU", "best possible", ...tierNames],
      shown.map(({ poolTokens, lru, optimum }) => {
        const share = tiers && tierShares(curve, { poolTokens, ...tiers });
        return [
          ...sizeCells(poolTokens),
          percent(lru),
          percent(optimum),
          ...(share ? [percent(share.cpu), percent(share.disk)] : []),
        ];
      }),
    )}`,
    ...(policies
      ? [
          `By eviction policy:\n${formatTable(
            ["pool, tokens", "GiB", ...Object.keys(evictions), "best possible"],
            policies.map(({ poolTokens, shares }) => [
              ...sizeCells(poolTokens),
              ...Object.values(shares).map(percent),
              percent(curve.rows.find((row) => row.poolTokens >= poolTokens)?.optimum ?? curve.unbounded),
            ]),
          )}`,
        ]
      : []),
    ...(ttft
      ? [
          `Replayed:\n${formatTable(
            ["pool, tokens", "GiB", "found", "TTFT p50", "p99", "preemptions"],
            ttft.map(({ poolTokens, cachedShare, ttftMs, preemptions }) => [
              ...sizeCells(poolTokens),
              percent(cachedShare),
              showMs(ttftMs.p50),
              showMs(ttftMs.p99),
              String(preemptions),
            ]),
          )}${slower
            .map(
              (step) =>
                `more is found, yet TTFT ${step.quantile} rises from ${showMs(step.fromMs)} at ${size(step.fromTokens)} to ${showMs(step.toMs)} at ${size(step.toTokens)}\n`,
            )
            .join("")}`,
        ]
      : []),
    ...(ttl
      ? [
          `Kept for a time after the last use, however much that is:\n${formatTable(
            ["time to live, s", "found", "held on average, tokens", "GiB"],
            ttlSeconds.map((seconds) => [
              String(seconds),
              percent(ttl.share(seconds * 1000)),
              ...sizeCells(Math.round(ttl.meanTokens(seconds * 1000))),
            ]),
          )}`,
        ]
      : []),
    ...(costs
      ? [
          `Prompts at a provider, ${costs.prices.currency} a request:\n${formatTable(
            ["plan", "read", "cached", "not cached", "pays from"],
            costs.rows.map(({ plan, readShare, perRequest, perRequestWithout, breakEvenShare }) => [
              plan.name,
              percent(readShare),
              String(Number(perRequest.toPrecision(3))),
              String(Number(perRequestWithout.toPrecision(3))),
              Number.isFinite(breakEvenShare) && breakEvenShare <= 1
                ? `${percent(breakEvenShare)} read`
                : "never",
            ]),
          )}${costs.prices.plans
            .flatMap(({ name, source, asOf }) =>
              source === undefined
                ? []
                : [`${name}: ${source}${asOf === undefined ? "" : `, read on ${asOf}`}\n`],
            )
            .join("")}`,
        ]
      : []),
  ];
  return `${sections.map((section) => section.trimEnd()).join("\n\n")}\n`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0) || !Number.isFinite(value))
    throw new InvalidArgumentError("expected a number above 0");
  return value;
}

function parseList(text: string): number[] {
  return text.split(",").map(parsePositive);
}
