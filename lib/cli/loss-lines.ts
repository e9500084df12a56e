import type { Ms, Tokens } from "../base/index.js";
import type { TimedLoss } from "../capture/index.js";
import type { Divergence, MissCause, MissPart } from "../explain/index.js";
import { formatCount } from "../figure/index.js";

/** A loss is worth a line from so many tokens on, if that is so much of the prompt before. */
const LEAST_TOKENS: Tokens = 256;
const LEAST_SHARE = 0.1;
/** Lines in so long at most; more are counted. */
const MOST_LINES = 5;
const LINES_MS: Ms = 10_000;

/** Lines about requests that lost a prefix, as they happen: those that are worth it, and not too many of them. */
export class LossLines {
  readonly #causes = new Map<MissCause, { tokens: Tokens; requests: number }>();
  readonly #saidAtMs: Ms[] = [];
  #requests = 0;
  #unsaid = 0;

  /** The line to print for a loss; undefined where it is small, or too many were printed just now. */
  line(loss: TimedLoss, nowMs: Ms): string | undefined {
    this.#requests++;
    for (const { cause, tokens } of loss.parts) {
      const total = this.#causes.get(cause) ?? { tokens: 0, requests: 0 };
      this.#causes.set(cause, { tokens: total.tokens + tokens, requests: total.requests });
    }
    for (const cause of new Set(loss.parts.map((part) => part.cause)))
      (this.#causes.get(cause) as { requests: number }).requests++;
    const before = loss.before?.promptTokens ?? loss.promptTokens;
    if (loss.lostTokens < LEAST_TOKENS || loss.lostTokens < LEAST_SHARE * before) return undefined;
    while (this.#saidAtMs.length > 0 && nowMs - this.#saidAtMs[0] >= LINES_MS) this.#saidAtMs.shift();
    if (this.#saidAtMs.length >= MOST_LINES) {
      this.#unsaid++;
      return undefined;
    }
    this.#saidAtMs.push(nowMs);
    const more = this.#unsaid > 0 ? ` (and ${this.#unsaid} more since the line before)` : "";
    this.#unsaid = 0;
    return `${lossText(loss)}${more}`;
  }

  /** What was lost in all, by cause. */
  summary(): string {
    if (this.#requests === 0) return "no request lost a prefix";
    const causes = [...this.#causes]
      .sort(([, a], [, b]) => b.tokens - a.tokens)
      .map(
        ([cause, { tokens, requests }]) =>
          `${formatCount(tokens)} ${cause.replaceAll("_", " ")} (${requests} requests)`,
      );
    return `${this.#requests} requests lost a prefix; tokens by cause: ${causes.join(", ")}`;
  }
}

/** One line: when, who, how much, and why, the part with the most tokens first. */
export function lossText(loss: TimedLoss): string {
  const { arrivedAtMs, requestId, session, turn, promptTokens, cachedTokens, parts, before } = loss;
  const time = new Date(arrivedAtMs).toTimeString().slice(0, 8);
  const who = requestId === undefined ? "" : ` (request ${requestId})`;
  const computed =
    cachedTokens === undefined
      ? `of ${formatCount(promptTokens)} prompt tokens`
      : `${formatCount(promptTokens - cachedTokens)} of ${formatCount(promptTokens)} prompt tokens computed:`;
  const reasons = [...parts]
    .sort((a, b) => b.tokens - a.tokens)
    .map((part) => reason(part, before?.turn, loss.sameBefore))
    .join("; ");
  return `${time} session ${session.slice(0, 8)} turn ${turn}${who}: ${computed} ${reasons}`;
}

function reason(part: MissPart, turnBefore: number | undefined, sameBefore: number): string {
  const { cause, tokens, fromToken, divergence } = part;
  const at = `${formatCount(tokens)} from token ${formatCount(fromToken)} on`;
  switch (cause) {
    case "diverged":
      return divergence
        ? `${at} differ from ${turnBefore === undefined ? "an earlier prompt" : `turn ${turnBefore}`}${where(divergence)}: ${how(divergence, sameBefore)}`
        : at;
    case "evicted": {
      const { blocksShort, idleMs } = part;
      const idle = idleMs === undefined ? "" : ` after ${(idleMs / 1000).toFixed(1)} s`;
      return `${at} had left the cache${idle}, which was ${formatCount(blocksShort ?? 0)} blocks short`;
    }
    case "evicted_order_unknown":
      return `${at} had left the cache, which does evict, though its order would have kept them`;
    case "not_ready":
      return `${at} were being computed by another request`;
    case "elsewhere":
      return `${at} were on another replica`;
    case "reset":
      return `${at} were in a cache that the engine lost (a restart, or a reset)`;
    case "off":
      return `${at} had been sent before, and prefix caching is off`;
    default:
      return `${at} had been sent before, and nothing known says why they were not found`;
  }
}

function where({ message }: Divergence): string {
  return message ? ` (${message.role}, message ${message.index})` : "";
}

function how({ kind, message }: Divergence, sameBefore: number): string {
  const same = sameBefore > 0 ? `same place as ${sameBefore} before` : "";
  switch (kind) {
    case "head_changed": {
      const what = message?.role === "tools" ? "the tools changed" : "the system prompt changed";
      return same ? `${same}: a clock or an id?` : what;
    }
    case "cache_salt":
      return "another cache salt, model or adapter";
    case "tools_reordered":
      return "the same tools in another order";
    case "history_compacted":
      return "the history was shortened";
    case "answer_changed":
      return "the answer stands there in another form than it was generated";
    case "history_changed":
      return `an earlier message is another text${same ? `, ${same}` : ""}`;
  }
}
