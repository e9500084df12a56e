import { type DivergencePattern, divergencePatterns, explainMisses, missCauses } from "../explain/index.js";
import { capturedEngine } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import { chooseSettings } from "../settings/index.js";
import { BlockTable, movedBlocks, type Trace } from "../trace/index.js";

/** Blocks of prompts that are explained at most: more would take longer than all else that is said of a trace. */
const MOST_BLOCKS = 1 << 16;

/** Why prompt tokens were computed, for a line among others. */
export interface MissSummary {
  /** Requests explained, from the first on; all of them where the trace is small. */
  readonly requests: number;
  readonly ofRequests: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Tokens by cause. */
  readonly causes: Readonly<Record<string, number>>;
  readonly worst?: DivergencePattern;
}

/**
 * Sums up the causes of a trace's misses; those of its first requests, in a bounded time, where it is large.
 * @returns undefined where the trace does not tell what was found, or has no block hashes
 */
export function missSummary({ trace, sessions }: Workload): MissSummary | undefined {
  const { records } = trace;
  const isTold = records.some(({ cachedTokens, blockIds }) => cachedTokens !== undefined && blockIds);
  if (!isTold) return undefined;
  const { blockSize } = chooseSettings({ captured: capturedEngine(trace.meta) }).settings;
  let blocks = 0;
  let count = 0;
  for (; count < records.length && blocks <= MOST_BLOCKS; count++)
    blocks += records[count].promptTokens / blockSize;
  const first = count < records.length ? firstOf(trace, count) : trace;
  // The first of a large trace need not be among those that tell it.
  if (!first.records.some(({ cachedTokens }) => cachedTokens !== undefined)) return undefined;
  const explained = explainMisses({ trace: first, sessions });
  const [worst] = divergencePatterns(explained);
  return {
    requests: count,
    ofRequests: records.length,
    promptTokens: explained.promptTokens,
    cachedTokens: explained.cachedTokens,
    causes: Object.fromEntries(missCauses.map((cause) => [cause, explained.causes[cause].tokens])),
    ...(worst && { worst }),
  };
}

/** A trace's first records, with a table of their blocks alone: what is kept a block is kept of few. */
function firstOf(trace: Trace, count: number): Trace {
  const blocks = new BlockTable();
  const records = trace.records.slice(0, count).map((record) => ({
    ...record,
    ...movedBlocks(record, trace.blocks, blocks),
  }));
  return { ...trace, records, blocks };
}

/** The summary under wire names. */
export function missSummaryJson(summary: MissSummary): Record<string, unknown> {
  const { requests, ofRequests, promptTokens, cachedTokens, causes } = summary;
  return {
    requests,
    of_requests: ofRequests,
    prompt_tokens: promptTokens,
    cached_tokens: cachedTokens,
    causes,
  };
}

/** The summary as a line: shares of the tokens that were computed, the largest first. */
export function missSummaryLine(summary: MissSummary): string {
  const { requests, ofRequests, causes, worst } = summary;
  const computed = Object.values(causes).reduce((sum, tokens) => sum + tokens, 0);
  if (computed === 0) return "misses: none";
  const parts = Object.entries(causes)
    .filter(([, tokens]) => tokens >= 0.005 * computed)
    .sort((a, b) => b[1] - a[1])
    .map(([cause, tokens]) => {
      const share = `${((100 * tokens) / computed).toFixed(0)} % ${cause.replaceAll("_", " ")}`;
      return cause === "diverged" && worst ? `${share} (${guess(worst)})` : share;
    });
  const of = requests < ofRequests ? ` of the first ${requests} of ${ofRequests} requests` : "";
  return `misses${of}: ${parts.join(", ")}; prefixlab explain has more`;
}

function guess({ kind, role, fromToken }: DivergencePattern): string {
  switch (kind) {
    case "head_changed":
      return `${fromToken === undefined ? "something" : "a clock or an id"} in the ${role === "tools" ? "tools" : "system prompt"}?`;
    case "cache_salt":
      return "another cache salt, model or adapter";
    case "tools_reordered":
      return "the tools in another order";
    case "history_compacted":
      return "a shortened history";
    case "answer_changed":
      return "answers in another form than they were generated";
    case "history_changed":
      return "edited messages";
  }
}
