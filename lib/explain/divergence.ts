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
  const message = messageAt(record.messages, fromToken, blockTokens, from.messages);
  return { kind: kindOf(record, from, fromToken, blockTokens, message), ...(message && { message }) };
}

function kindOf(
  record: TraceRecord,
  from: TraceRecord,
  fromToken: Tokens,
  blockTokens: Tokens,
  message: Divergence["message"],
): DivergenceKind {
  if (areKeptApart(record, from, fromToken)) return "cache_salt";
  if (message && headRoles.has(message.role))
    return areReordered(record.extra?.tool_hashes, from.extra?.tool_hashes)
      ? "tools_reordered"
      : "head_changed";
  if (fromToken + blockTokens > from.promptTokens) return "answer_changed";
  return isShortened(record, from, message) ? "history_compacted" : "history_changed";
}

/** Sent under another salt, model or adapter, and sharing nothing: what the prompt found was of others under its own. */
function areKeptApart(record: TraceRecord, from: TraceRecord, fromToken: Tokens): boolean {
  const sharesNothing = fromToken === 0 || record.blockIds?.[0] !== from.blockIds?.[0];
  return (
    sharesNothing &&
    ["cache_salt_hash", "model", "adapter"].some((name) => record.extra?.[name] !== from.extra?.[name])
  );
}

/**
 * By messages where they are known: a next turn has more of them, unless its last one alone is another; and where one of
 * the later messages stands in the place of those before it, these were cut out.
 */
function isShortened(record: TraceRecord, from: TraceRecord, message: Divergence["message"]): boolean {
  const { messages } = record;
  if (!messages || !from.messages) return record.promptTokens < from.promptTokens;
  if (messages.length < from.messages.length) return true;
  if (!message) return false;
  const { index } = message;
  const { hash } = messages[index];
  return (
    (messages.length === from.messages.length && index < messages.length - 1) ||
    (hash !== undefined && from.messages.slice(index + 1).some((later) => later.hash === hash))
  );
}

/**
 * The message in which two prompts part: the first that is not the same in both, or, where that is not known, the one that
 * the token is in. So too where they part long before that message: equal messages were written in another template.
 */
function messageAt(
  messages: readonly PromptMessage[] | undefined,
  token: Tokens,
  blockTokens: Tokens,
  others: readonly PromptMessage[] | undefined,
): Divergence["message"] {
  if (!messages || messages.length === 0) return undefined;
  const other = messages.findIndex(
    ({ hash }, index) => hash !== undefined && others !== undefined && others[index]?.hash !== hash,
  );
  const otherFrom = messages.slice(0, Math.max(0, other)).reduce((sum, { tokens }) => sum + tokens, 0);
  const changed = otherFrom < token + blockTokens ? other : -1;
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
