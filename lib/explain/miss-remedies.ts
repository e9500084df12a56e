import { type Blocks, type Bytes, type Ms, type Tokens, toGib } from "../base/index.js";
import { missPrice, type PriceList } from "../hardware/index.js";
import { type DivergencePattern, divergencePatterns } from "./divergence-patterns.js";
import type { MissExplanation } from "./explain-misses.js";
import type { MissCause } from "./miss-causes.js";
import type { MissCosts } from "./miss-costs.js";

/** What to do about a cause, with the number behind it. */
export interface MissRemedy {
  readonly cause: MissCause;
  readonly sentence: string;
  /** That were computed for it. */
  readonly tokens: Tokens;
  /** Their KV, where a token's is known. */
  readonly bytes?: Bytes;
  /** What computing them cost more than finding them, in the currency of the prices. */
  readonly money?: number;
  /** Mean TTFT without the cause, where this is nearly all of it: how much less. */
  readonly ttftMs?: Ms;
}

/** What tokens are worth. */
export interface MissWorth {
  readonly costs?: MissCosts["causes"];
  /** KV of one token. */
  readonly bytesPerToken?: Bytes;
  readonly prices?: PriceList;
}

/** From this share of a cause's tokens on, what the cause costs stands beside the sentence. */
const NEARLY_ALL = 0.95;

/** Below this share of the prompt tokens a cause is left alone. */
const LEAST_SHARE = 0.005;

/**
 * One sentence a cause that can be helped and that is worth it, the costliest first; what is known of its worth stands behind it.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { explainMisses, missRemedies } from "prefixlab/explain";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "cold", seed: 1 }));
 * missRemedies(explainMisses(workload))[0].sentence; // → "prefix caching was off: 472768 tokens had been sent before"
 * ```
 */
export function missRemedies(explanation: MissExplanation, worth: MissWorth = {}): MissRemedy[] {
  const { causes, promptTokens } = explanation;
  const told: MissRemedy[] = [];
  const tell = (cause: MissCause, tokens: Tokens, sentence: string) => {
    if (tokens === 0 || tokens < LEAST_SHARE * promptTokens) return;
    const known = worthOf(tokens, tokens >= NEARLY_ALL * causes[cause].tokens ? cause : undefined, worth);
    told.push({ cause, sentence: `${sentence}${inWords(known, worth.prices)}`, tokens, ...known });
  };
  for (const pattern of divergencePatterns(explanation))
    tell("diverged", pattern.tokens, divergenceSentence(pattern));
  const { evicted, not_ready: notReady, elsewhere, off, reset } = causes;
  const blocks = blocksThatKeep(explanation, 0.95);
  if (blocks !== undefined)
    tell(
      "evicted",
      evicted.tokens,
      `${evicted.tokens} tokens were in the pool and had left: ${blocks} blocks more (${blocks * explanation.blockTokens} tokens) would have kept 95 % of them`,
    );
  tell(
    "not_ready",
    notReady.tokens,
    `${notReady.requests} requests came while another was computing the prefix that they share (${notReady.tokens} tokens): send one ahead, and the others after its first token`,
  );
  tell(
    "elsewhere",
    elsewhere.tokens,
    `${elsewhere.requests} requests were sent to a replica that had never seen their prefix, though another had (${elsewhere.tokens} tokens): route by prefix or by session`,
  );
  tell("off", off.tokens, `prefix caching was off: ${off.tokens} tokens had been sent before`);
  tell(
    "reset",
    reset.tokens,
    `the engine lost its cache ${explanation.resetsMs.length} times (a restart, or a reset): ${reset.tokens} tokens were computed again`,
  );
  return told.sort((a, b) => b.tokens - a.tokens);
}

type KnownWorth = Pick<MissRemedy, "bytes" | "money" | "ttftMs">;

function worthOf(tokens: Tokens, whole: MissCause | undefined, worth: MissWorth): KnownWorth {
  const { costs = {}, bytesPerToken, prices } = worth;
  const ttftMs = whole && costs[whole]?.ttftMs.estimate;
  return {
    ...(bytesPerToken !== undefined && { bytes: tokens * bytesPerToken }),
    ...(prices && { money: missPrice(prices, tokens) }),
    ...(ttftMs !== undefined && { ttftMs }),
  };
}

function inWords({ bytes, money, ttftMs }: KnownWorth, prices: PriceList | undefined): string {
  const words = [
    ...(bytes === undefined ? [] : [`${toGib(bytes).toPrecision(3)} GiB of KV`]),
    ...(ttftMs === undefined || ttftMs <= 0 ? [] : [`${ttftMs.toPrecision(3)} ms of mean TTFT`]),
    ...(money === undefined ? [] : [`${money.toPrecision(3)} ${prices?.currency}`]),
  ];
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

/** Blocks more that would have kept this share of the evicted tokens; undefined where none were. */
function blocksThatKeep({ requests }: MissExplanation, share: number): Blocks | undefined {
  const parts = requests.flatMap((request) => request.parts.filter(({ cause }) => cause === "evicted"));
  const total = parts.reduce((sum, { tokens }) => sum + tokens, 0);
  let kept = 0;
  for (const part of [...parts].sort((a, b) => (a.blocksShort ?? 0) - (b.blocksShort ?? 0))) {
    kept += part.tokens;
    if (kept >= share * total) return part.blocksShort;
  }
  return undefined;
}

function divergenceSentence({ kind, role, requests, tokens, fromToken }: DivergencePattern): string {
  const where = fromToken === undefined ? "" : ` from token ${fromToken} on`;
  const cost = `${tokens} tokens computed again`;
  switch (kind) {
    case "cache_salt":
      return `${requests} requests were sent under another cache salt, model or adapter than the prompt that they repeat: ${cost}`;
    case "tools_reordered":
      return `${requests} requests list the same tools in another order: ${cost}; list them in one order`;
    case "head_changed":
      return `the ${role === "tools" ? "tools" : "system prompt"} differ${role === "tools" ? "" : "s"}${where} in ${requests} requests: ${cost}; put what changes (a clock, an id) behind what stays`;
    case "history_compacted":
      return `the history was shortened in ${requests} requests: ${cost} behind the place where it was`;
    case "answer_changed":
      return `answers stand in the history in another form than they were generated, in ${requests} requests (reasoning dropped, or another template): ${cost}`;
    case "history_changed":
      return `earlier messages are another text than before${where} (edited, or written by another template), in ${requests} requests: ${cost}`;
  }
}
