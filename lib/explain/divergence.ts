import type { Tokens } from "../base/index.js";
import type { JsonValue, PromptMessage, TraceRecord } from "../trace/index.js";

/** In what way a prompt leaves another that it should have gone on from. */
export type DivergenceKind =
  /** They were sent under different cache salts, models or adapters, whose blocks engines keep apart. */
  | "cache_salt"
  /** The same tools, in another order. */
  | "tools_reordered"
  /** The system prompt or the tools are another text. */
  | "head_changed"
  /** The prompt has fewer messages than the one before it, or is shorter: its history was summed up or cut. */
  | "history_compacted"
  /** The answer stands in the history in another form than it was generated: reasoning dropped, another template. */
  | "answer_changed"
  /** An earlier message is another text. */
  | "history_changed";

/** Where and how a prompt diverges. */
export interface Divergence {
  readonly kind: DivergenceKind;
  /** The message in which it does, counted from 0, where the capture kept their bounds. */
  readonly message?: { readonly index: number; readonly role: string };
}

/** Messages that sessions share: they stand before the conversation. */
const headRoles = new Set(["system", "developer", "tools"]);

/**
 * Says how a prompt leaves an earlier one.
 * @param fromToken the first token of the block in which it does
 * @param blockTokens tokens a block: the difference lies within this many tokens
 */
export function describeDivergence(
  record: TraceRecord,
  from: TraceRecord,
  fromToken: Tokens,
  blockTokens: Tokens,
): Divergence {
  const message = messageAt(record.messages, fromToken, from.messages);
  return { kind: kindOf(record, from, fromToken, blockTokens, message), ...(message && { message }) };
}

function kindOf(
  record: TraceRecord,
  from: TraceRecord,
  fromToken: Tokens,
  blockTokens: Tokens,
  message: Divergence["message"],
): DivergenceKind {
  const salts = ["cache_salt_hash", "model", "adapter"].map((name) => [
    record.extra?.[name],
    from.extra?.[name],
  ]);
  if (fromToken === 0 && salts.some(([here, there]) => here !== there)) return "cache_salt";
  if (message && headRoles.has(message.role))
    return areReordered(record.extra?.tool_hashes, from.extra?.tool_hashes)
      ? "tools_reordered"
      : "head_changed";
  if (fromToken + blockTokens > from.promptTokens) return "answer_changed";
  return isShorter(record, from) ? "history_compacted" : "history_changed";
}

/** By messages where they are known: a next turn has more of them. */
function isShorter(record: TraceRecord, from: TraceRecord): boolean {
  return record.messages && from.messages
    ? record.messages.length < from.messages.length
    : record.promptTokens < from.promptTokens;
}

/**
 * The message in which two prompts part: the first that is not the same in both, or, where that is not known, the one that
 * the token is in.
 */
function messageAt(
  messages: readonly PromptMessage[] | undefined,
  token: Tokens,
  others: readonly PromptMessage[] | undefined,
): Divergence["message"] {
  if (!messages || messages.length === 0) return undefined;
  const changed = messages.findIndex(
    ({ hash }, index) => hash !== undefined && others !== undefined && others[index]?.hash !== hash,
  );
  let end = 0;
  const holding = messages.findIndex(({ tokens }) => {
    end += tokens;
    return end > token;
  });
  const index = changed >= 0 ? changed : holding >= 0 ? holding : messages.length - 1;
  return { index, role: messages[index].role };
}

function areReordered(here: JsonValue | undefined, there: JsonValue | undefined): boolean {
  if (!Array.isArray(here) || !Array.isArray(there) || here.length !== there.length) return false;
  return here.join() !== there.join() && [...here].sort().join() === [...there].sort().join();
}

/**
 * Remembers the heads of prompts, system and tools, so that a prompt whose head is another version of an earlier one can
 * be told from one whose head is new: the same roles, each as long to two percent.
 */
export class PromptHeads {
  readonly #heads: { readonly index: number; readonly head: readonly PromptMessage[] }[] = [];

  /** The latest request whose head is another version of this one's, and how long this one's head is. */
  versionOf(record: TraceRecord): { readonly index: number; readonly tokens: Tokens } | undefined {
    const head = headOf(record);
    if (head.length === 0) return undefined;
    for (let k = this.#heads.length - 1; k >= 0; k--) {
      const { index, head: other } = this.#heads[k];
      if (other.length === head.length && head.every((message, i) => isVersion(message, other[i])))
        return { index, tokens: head.reduce((sum, { tokens }) => sum + tokens, 0) };
    }
    return undefined;
  }

  add(record: TraceRecord, index: number): void {
    const head = headOf(record);
    if (head.length === 0) return;
    const key = head.map(({ hash }) => hash).join();
    const known = this.#heads.findIndex(({ head: other }) => other.map(({ hash }) => hash).join() === key);
    if (known >= 0) this.#heads.splice(known, 1);
    this.#heads.push({ index, head });
    if (this.#heads.length > 64) this.#heads.shift();
  }
}

function headOf({ messages = [] }: TraceRecord): readonly PromptMessage[] {
  const end = messages.findIndex(({ role }) => !headRoles.has(role));
  return messages.slice(0, end < 0 ? messages.length : end);
}

function isVersion(here: PromptMessage, there: PromptMessage): boolean {
  return here.role === there.role && Math.abs(here.tokens - there.tokens) <= Math.max(8, 0.02 * there.tokens);
}
