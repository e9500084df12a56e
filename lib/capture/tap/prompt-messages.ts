import type { Tokens } from "../../base/index.js";
import type { TraceRecord } from "../../trace/index.js";
import { ANSWER_BEGIN } from "../wire/index.js";
import type { ThingSizes } from "./place-things.js";
import type { PromptTokens } from "./prompt-tokens.js";

/**
 * The lengths of a chat's messages, which sum to the prompt's: exact where a token is a byte, and where the tokenizer's
 * lengths sum to it; else the tokens that are no thing's are shared out by bytes of text. What stands behind the last message is counted with it.
 */
export function promptMessages(
  { parts, partTokens, source }: PromptTokens,
  promptTokens: Tokens,
  sizes: ThingSizes,
): Pick<TraceRecord, "messages" | "messagesBy"> {
  if (!parts || parts.length === 0) return {};
  const things = parts.map((part) => sum(part.things.map((digest) => sizes.of(digest) ?? 0)));
  const inThings = Math.min(promptTokens, sum(things));
  const told = partTokens?.map((tokens, i) => tokens + things[i]);
  if (told && told.length === parts.length && sum(told) === promptTokens)
    return {
      messages: parts.map(({ role, hash }, i) => ({ role, tokens: told[i], hash })),
      messagesBy: "tokens",
    };
  const bytes = parts.map((part) => part.bytes);
  bytes[bytes.length - 1] += ANSWER_BEGIN.length;
  const allBytes = sum(bytes);
  const textTokens = promptTokens - inThings;
  let bytesBefore = 0;
  let tokensBefore = 0;
  const messages = parts.map(({ role, hash }, i) => {
    bytesBefore += bytes[i];
    const upTo = allBytes === 0 ? textTokens : Math.round((textTokens * bytesBefore) / allBytes);
    const tokens = upTo - tokensBefore + things[i];
    tokensBefore = upTo;
    return { role, tokens, hash };
  });
  const isExact = source === "bytes" && promptTokens === allBytes;
  return { messages, messagesBy: isExact ? "tokens" : "characters" };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
