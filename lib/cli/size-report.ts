import type { Tokens } from "../base/index.js";
import { evictions } from "../cache/index.js";
import {
  type CachePrices,
  type MemoryCurve,
  type PlanCost,
  type ServedInTurn,
  type SlowerWithMore,
  type TimeToLiveCurve,
  type TtftByPoolRow,
  tierShares,
} from "../size/index.js";
import { formatTable, showMs } from "./print-table.js";

/** Parts of what can be found at all that the report names the pool for. */
const parts = [0.5, 0.8, 0.95, 0.99] as const;

/** What the `size` command found out. */
export interface SizeResult {
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
export interface PolicyRow {
  readonly poolTokens: Tokens;
  readonly shares: Readonly<Record<string, number>>;
}

function gibOf(tokens: Tokens, bytesPerToken: number | undefined): number | null {
  return bytesPerToken === undefined ? null : (tokens * bytesPerToken) / 2 ** 30;
}

/** The result under the names of the command line. */
export function sizeJson(result: SizeResult): Record<string, unknown> {
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

/** The result for people. */
export function sizeReport(result: SizeResult): string {
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
