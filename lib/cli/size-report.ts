import { type Tokens, toGib } from "../base/index.js";
import { evictions } from "../cache/index.js";
import type { PriceList } from "../hardware/index.js";
import {
  type MemoryCurve,
  type PlanCost,
  type ServedInTurn,
  type SlowerWithMore,
  type TimeToLiveCurve,
  type TtftByPoolRow,
  tierShares,
} from "../size/index.js";
import { formatTable, showMs, showPercent } from "./print-table.js";

/** Parts of what can be found at all that the report names the pool for. */
const parts = [0.5, 0.8, 0.95, 0.99] as const;

/** What the `size` command found out. */
export interface SizeResult {
  readonly path: string;
  readonly served: ServedInTurn;
  readonly curve: MemoryCurve;
  readonly bytesPerToken: number | undefined;
  /** What was assumed, and what limits the numbers. */
  readonly notes: readonly string[];
  readonly tiers: { readonly cpuTokens: Tokens; readonly diskTokens: Tokens } | undefined;
  readonly ttl: TimeToLiveCurve | undefined;
  readonly ttlSeconds: readonly number[];
  readonly costs: { readonly prices: PriceList; readonly rows: readonly PlanCost[] } | undefined;
  readonly policies: readonly PolicyRow[] | undefined;
  readonly ttft: readonly TtftByPoolRow[] | undefined;
  readonly slower: readonly SlowerWithMore[];
}

/** What each shipped policy finds in a pool of this size, as shares of prompt tokens. */
export interface PolicyRow {
  readonly poolTokens: Tokens;
  readonly shares: Readonly<Record<string, number>>;
}

function gibOf(tokens: Tokens, bytesPerToken: number | undefined): number | null {
  return bytesPerToken === undefined ? null : toGib(tokens * bytesPerToken);
}

/** The result under the names of the command line. */
export function sizeJson(result: SizeResult): Record<string, unknown> {
  const { served, curve, bytesPerToken, notes, tiers, ttl, ttlSeconds, costs, policies, ttft, slower } =
    result;
  const less = replayedLess(result);
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
          source: costs.prices.source ?? null,
          as_of: costs.prices.asOf ?? null,
          plans: costs.rows.map((row) => ({
            ttl_s: row.timeToLiveMs / 1000,
            write_price: row.writePrice,
            read_share: row.readShare,
            per_request: row.perRequest,
            per_request_without: row.perRequestWithout,
            break_even_share: Number.isFinite(row.breakEvenShare) ? row.breakEvenShare : null,
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
    replay_finds_less: less
      ? { pool_tokens: less.poolTokens, replayed: less.replayed, served_in_turn: less.inTurn }
      : null,
    slower_with_more: slower.map((step) => ({
      from_tokens: step.fromTokens,
      to_tokens: step.toTokens,
      quantile: step.quantile,
      from_ms: step.fromMs,
      to_ms: step.toMs,
    })),
    assumptions: notes,
  };
}

/** Points by which a replay may find less than requests served in turn before the sizes of those mislead. */
const worthSaying = 0.05;

/** The largest pool replayed, where it finds much less of the prompts than the curve says; undefined where it does not. */
function replayedLess({ ttft, curve }: SizeResult) {
  const largest = ttft?.at(-1);
  if (!largest) return undefined;
  const { poolTokens, cachedShare: replayed } = largest;
  const inTurn = curve.lru(poolTokens);
  return inTurn - replayed > worthSaying ? { poolTokens, replayed, inTurn } : undefined;
}

/** The result for people. */
export function sizeReport(result: SizeResult): string {
  const less = replayedLess(result);
  const { path, served, curve, bytesPerToken, notes, tiers, ttl, ttlSeconds, costs, policies, ttft, slower } =
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
      `${path}: ${served.runs.count} requests, ${served.promptTokens} prompt tokens in blocks of ${served.blockSize}; ${showPercent(curve.unbounded)} of them were sent before`,
      bytesPerToken === undefined
        ? "KV: bytes of a token are not told, sizes are in tokens; --bytes-per-token, --model-config or --profile give GiB"
        : `KV: ${bytesPerToken} bytes a token`,
      ...notes.map((note) => `note: ${note}`),
      `longest request: ${size(served.longestTokens)}; a smaller pool cannot serve it`,
      `served one after another, the knee is at ${size(curve.kneeTokens)}, which finds ${showPercent(curve.lru(curve.kneeTokens))}; nothing more beyond ${size(Math.max(curve.saturationTokens, served.longestTokens))}`,
      ...parts.map(
        (part) =>
          `${showPercent(part)} of what can be found, served one after another: ${size(curve.poolTokensFor(part))}`,
      ),
      ...(less === undefined
        ? []
        : [
            `several at once, ${size(less.poolTokens)} find ${showPercent(less.replayed)} in a replay, not ${showPercent(less.inTurn)}: running requests hold blocks, and the sizes above are too small; --pool-gib replays larger ones`,
          ]),
    ].join("\n"),
    `Served one after another, share of prompt tokens found:\n${formatTable(
      ["pool, tokens", "GiB", "LRU", "best possible", ...tierNames],
      shown.map(({ poolTokens, lru, optimum }) => {
        const share = tiers && tierShares(curve, { poolTokens, ...tiers });
        return [
          ...sizeCells(poolTokens),
          showPercent(lru),
          showPercent(optimum),
          ...(share ? [showPercent(share.cpu), showPercent(share.disk)] : []),
        ];
      }),
    )}`,
    ...(policies
      ? [
          `By eviction policy, one run a size: of these LRU alone keeps in a larger pool all that a smaller one has, so that one pass gives every size:\n${formatTable(
            ["pool, tokens", "GiB", ...Object.keys(evictions), "best possible"],
            policies.map(({ poolTokens, shares }) => [
              ...sizeCells(poolTokens),
              ...Object.values(shares).map(showPercent),
              showPercent(curve.rows.find((row) => row.poolTokens === poolTokens)!.optimum),
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
              showPercent(cachedShare),
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
              showPercent(ttl.share(seconds * 1000)),
              ...sizeCells(Math.round(ttl.meanTokens(seconds * 1000))),
            ]),
          )}`,
        ]
      : []),
    ...(costs
      ? [
          `Prompts at a provider, ${costs.prices.currency} a request:\n${formatTable(
            ["kept, s", "read", "cached", "not cached", "pays from"],
            costs.rows.map(({ timeToLiveMs, readShare, perRequest, perRequestWithout, breakEvenShare }) => [
              String(timeToLiveMs / 1000),
              showPercent(readShare),
              String(Number(perRequest.toPrecision(3))),
              String(Number(perRequestWithout.toPrecision(3))),
              Number.isFinite(breakEvenShare) && breakEvenShare <= 1
                ? `${showPercent(breakEvenShare)} read`
                : "never",
            ]),
          )}${sourceLine(costs.prices)}`,
        ]
      : []),
  ];
  return `${sections.map((section) => section.trimEnd()).join("\n\n")}\n`;
}

function sourceLine({ source, asOf }: PriceList): string {
  if (source === undefined) return "";
  return `prices: ${source}${asOf === undefined ? "" : `, read on ${asOf}`}\n`;
}
