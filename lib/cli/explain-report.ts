import { toGib } from "../base/index.js";
import type { LowerTier } from "../engine/index.js";
import {
  divergencePatterns,
  evictedSpread,
  type KeptByPolicy,
  type MissCause,
  type MissCost,
  type MissCosts,
  type MissExplanation,
  type MissWorth,
  missCauses,
  missRemedies,
} from "../explain/index.js";
import { missPrice, type PriceList } from "../hardware/index.js";
import { formatTable, showMs } from "./print-table.js";
import { engineJson, tierLines } from "./replay-header.js";

/** All that the `explain` command prints. */
export interface ExplainResult {
  readonly path: string;
  readonly source: "recorded" | "simulated";
  readonly explained: MissExplanation;
  readonly replicas: number;
  /** Undefined where it is not known, or there is nothing to route. */
  readonly router: string | undefined;
  /** Behind the pool, where it is simulated: what is found there is no miss. */
  readonly tiers: readonly LowerTier[];
  readonly costs?: MissCosts;
  readonly recordedTtftMs: number | undefined;
  readonly bytesPerToken: number | undefined;
  readonly prices: PriceList | undefined;
  readonly policies?: readonly KeptByPolicy[];
}

function worthOf({ costs, bytesPerToken, prices }: ExplainResult): MissWorth {
  return {
    ...(costs && { costs: costs.causes }),
    ...(bytesPerToken !== undefined && { bytesPerToken }),
    ...(prices && { prices }),
  };
}

/** The explanation under the names of the command line. */
export function explanationJson(shown: ExplainResult, withRequests: boolean) {
  const { explained: x, costs, bytesPerToken, prices, policies } = shown;
  const spread = evictedSpread(x);
  return {
    source: shown.source,
    requests_explained: x.requests.length,
    requests_untold: x.untold,
    prompt_tokens: x.promptTokens,
    cached_tokens: x.cachedTokens,
    causes: Object.fromEntries(
      missCauses.map((cause) => {
        const cost = costs?.causes[cause];
        const { tokens, requests } = x.causes[cause];
        return [
          cause,
          {
            tokens,
            requests,
            ttft_ms_saved: cost?.ttftMs.estimate ?? null,
            ttft_ms_saved_interval: cost ? [cost.ttftMs.lower ?? null, cost.ttftMs.upper ?? null] : null,
            ttft_p50_ms_saved: cost?.ttftP50Ms ?? null,
            queue_ms_saved: cost?.queueMs.estimate ?? null,
            queue_ms_saved_interval: cost ? [cost.queueMs.lower ?? null, cost.queueMs.upper ?? null] : null,
            tokens_found_without: cost?.foundTokens ?? null,
            without: cost?.without ?? null,
            gib: bytesPerToken === undefined ? null : toGib(tokens * bytesPerToken),
            money: prices ? missPrice(prices, tokens) : null,
          },
        ];
      }),
    ),
    currency: prices?.currency ?? null,
    replayed: costs
      ? {
          ttft_ms_mean: costs.replayed.meanTtftMs ?? null,
          recorded_ttft_ms_mean: shown.recordedTtftMs ?? null,
          cached_tokens: costs.replayed.cachedTokens,
        }
      : null,
    evicted_parts: spread
      ? { idle_ms: spread.idleMs, blocks_short: spread.blocksShort, peak_blocks: x.peakBlocks }
      : null,
    policies:
      policies?.map(({ policy, keptTokens, cachedTokens }) => ({
        policy,
        kept_tokens: keptTokens,
        cached_tokens: cachedTokens,
      })) ?? null,
    divergences: divergencePatterns(x).map(({ kind, role, requests, tokens, fromToken }) => ({
      kind,
      role: role ?? null,
      requests,
      tokens,
      from_token: fromToken ?? null,
    })),
    remedies: missRemedies(x, worthOf(shown)).map(({ cause, sentence, tokens, bytes, money, ttftMs }) => ({
      cause,
      sentence,
      tokens,
      gib: bytes === undefined ? null : toGib(bytes),
      money: money ?? null,
      ttft_ms: ttftMs ?? null,
    })),
    resets_ms: x.resetsMs,
    ...(shown.replicas > 1 && { replica_count: shown.replicas, router: shown.router ?? null }),
    engine: engineJson(x.engine),
    assumptions: x.assumptions,
    ...(withRequests && { requests: requestsJson(x) }),
  };
}

function requestsJson({ requests }: MissExplanation) {
  return requests.map(({ index, promptTokens, cachedTokens, parts }) => ({
    index,
    prompt_tokens: promptTokens,
    cached_tokens: cachedTokens,
    parts: parts.map((part) => ({
      cause: part.cause,
      from_token: part.fromToken,
      tokens: part.tokens,
      ...(part.blocksShort !== undefined && { blocks_short: part.blocksShort }),
      ...(part.idleMs !== undefined && { idle_ms: part.idleMs }),
      ...(part.from !== undefined && { from: part.from }),
      ...(part.divergence && { divergence: part.divergence }),
    })),
  }));
}

/** The explanation for people. */
export function explanationReport(shown: ExplainResult): string {
  const { explained: x, path, source } = shown;
  const { kvCacheBlocks, blockSize } = x.engine.settings;
  const lines = [
    `${path}: ${x.requests.length} requests, ${source}: ${x.cachedTokens} of ${x.promptTokens} prompt tokens (${shareOf(x.cachedTokens, x.promptTokens)}) were found in the cache`,
    ...(x.untold > 0 ? [`${x.untold} requests do not tell what they found, and are in no number here`] : []),
    `pool${shown.replicas > 1 ? ` of each of ${shown.replicas} replicas` : ""}: ${kvCacheBlocks} blocks of ${blockSize} tokens (${x.engine.from.kvCacheBlocks})${shown.router === undefined ? "" : `; router ${shown.router}`}`,
    ...tierLines(shown.tiers, x.engine.settings),
    ...x.assumptions.map((assumption) => `assumed: ${assumption}`),
    ...replayedLines(shown),
  ];
  const remedies = missRemedies(x, worthOf(shown)).map(({ sentence }) => `- ${sentence}`);
  return [
    `${lines.join("\n")}\n\n`,
    causesTable(shown),
    ...withoutLines(shown),
    ...evictedLines(shown),
    ...(remedies.length > 0 ? [`\n${remedies.join("\n")}\n`] : []),
  ].join("");
}

/** A replay this far from the capture's mean TTFT tells what causes cost there in order of size at best. */
const FAR = 0.25;

function replayedLines({ costs, recordedTtftMs, explained, source }: ExplainResult): string[] {
  if (!costs) return [];
  const { meanTtftMs, cachedTokens } = costs.replayed;
  if (source === "simulated" || recordedTtftMs === undefined || meanTtftMs === undefined)
    return [`replayed: mean TTFT ${showMs(meanTtftMs)}`];
  const isFar = Math.abs(meanTtftMs / recordedTtftMs - 1) > FAR;
  return [
    `replayed: mean TTFT ${showMs(meanTtftMs)} (recorded ${showMs(recordedTtftMs)}), ${cachedTokens} tokens found (recorded ${explained.cachedTokens})`,
    ...(isFar
      ? [
          "the replay is far from the recorded TTFT: another engine, machine or pacing than the latency model's; what causes cost here says little of that engine",
        ]
      : []),
  ];
}

interface Column {
  readonly name: string;
  readonly show: (cause: MissCause) => string;
}

function causesTable({ explained: x, costs, bytesPerToken, prices }: ExplainResult): string {
  const tokensOf = (cause: MissCause) => x.causes[cause].tokens;
  const costOf = (cause: MissCause) => costs?.causes[cause];
  const columns: Column[] = [
    { name: "cause", show: (cause) => cause.replaceAll("_", " ") },
    { name: "tokens", show: (cause) => String(tokensOf(cause)) },
    { name: "of prompts", show: (cause) => shareOf(tokensOf(cause), x.promptTokens) },
    { name: "requests", show: (cause) => String(x.causes[cause].requests) },
    { name: "mean TTFT without it", show: (cause) => showSavedInterval(costOf(cause)?.ttftMs) },
  ];
  if (costs)
    columns.push(
      { name: "p50", show: (cause) => showSaved(costOf(cause)?.ttftP50Ms) },
      { name: "mean queueing", show: (cause) => showSaved(costOf(cause)?.queueMs.estimate) },
    );
  if (bytesPerToken !== undefined)
    columns.push({ name: "GiB", show: (cause) => toGib(tokensOf(cause) * bytesPerToken).toPrecision(3) });
  if (prices)
    columns.push({
      name: prices.currency,
      show: (cause) => missPrice(prices, tokensOf(cause)).toPrecision(3),
    });
  return formatTable(
    columns.map(({ name }) => name),
    missCauses.filter((cause) => tokensOf(cause) > 0).map((cause) => columns.map(({ show }) => show(cause))),
  );
}

function withoutLines({ costs, prices }: ExplainResult): string[] {
  const replays = Object.entries(costs?.causes ?? {}).map(
    ([cause, { without }]) => `without ${cause.replaceAll("_", " ")}: ${without}\n`,
  );
  const price = prices
    ? [
        `${prices.currency}: a million tokens computed at ${prices.cacheWrite5m ?? prices.input}, found at ${prices.cachedRead}\n`,
      ]
    : [];
  return replays.length + price.length === 0 ? [] : ["\n", ...replays, ...price];
}

function evictedLines({ explained, bytesPerToken, policies }: ExplainResult): string[] {
  const spread = evictedSpread(explained);
  if (!spread) return [];
  const { idleMs, blocksShort } = spread;
  const gib = (blocks: number) =>
    bytesPerToken === undefined
      ? ""
      : ` = ${toGib(blocks * explained.blockTokens * bytesPerToken).toPrecision(3)} GiB`;
  const p50 = Math.ceil(blocksShort.p50);
  const p90 = Math.ceil(blocksShort.p90);
  const evicted = explained.causes.evicted.tokens;
  return [
    `\nevicted: idle for ${showMs(idleMs.p50)} (p90 ${showMs(idleMs.p90)}), ${p50} blocks short${gib(p50)} (p90 ${p90}${gib(p90)}); a pool of ${explained.peakBlocks} blocks${gib(explained.peakBlocks)} gives none up\n`,
    ...(policies
      ? [
          "\n",
          formatTable(
            ["policy", "of the evicted", "tokens found in all"],
            policies.map(({ policy, keptTokens, cachedTokens }) => [
              policy,
              shareOf(keptTokens, evicted),
              String(cachedTokens),
            ]),
          ),
        ]
      : []),
  ];
}

function shareOf(tokens: number, all: number): string {
  return all === 0 ? "-" : `${((100 * tokens) / all).toFixed(1)} %`;
}

function showSavedInterval(cost: MissCost["ttftMs"] | undefined): string {
  return cost?.estimate === undefined
    ? "-"
    : `${showSaved(cost.estimate)} [${showSaved(cost.lower)}, ${showSaved(cost.upper)}]`;
}

function showSaved(ms: number | undefined): string {
  if (ms === undefined) return "-";
  if (Math.abs(ms) < 0.0005) return "0 ms";
  return ms < 0 ? `+${showMs(-ms)}` : `-${showMs(ms)}`;
}
