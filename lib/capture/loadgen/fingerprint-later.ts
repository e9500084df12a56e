import type { Tokens } from "../../base/index.js";
import { Fingerprinter, internHashes } from "../../trace/files/index.js";
import type { BlockTable, TraceRecord } from "../../trace/index.js";
import { weighPrompt } from "../wire/index.js";
import type { Prompt } from "./prompt.js";
import type { PromptTokenizer } from "./prompt-tokenizer.js";

/** A record whose server did not tell the token ids, and what was said. */
export interface Unfingerprinted {
  readonly record: TraceRecord;
  readonly prompt: Prompt;
  readonly answer: string;
}

/**
 * Adds the block hashes that a tokenizer tells, after the run, so that no tokenizing competes with the load. An
 * answer's blocks are those of prompt and answer tokenized together, as the next turn's prompt will have them.
 * @returns the record with hashes, or as it was where the tokenizer cannot tell
 */
export async function fingerprintLater(
  { record, prompt, answer }: Unfingerprinted,
  tokenizer: PromptTokenizer,
  options: { readonly blockSize: Tokens; readonly blocks: BlockTable },
): Promise<TraceRecord> {
  const promptIds = await tokenizer.encode(prompt);
  if (!promptIds) return record;
  const { prompt_tokens_expected: expected, server_prompt_tokens: claimed, ...extra } = record.extra ?? {};
  const counted = expected ? (typeof claimed === "number" ? claimed : undefined) : record.promptTokens;
  const weighed = weighPrompt(counted, { kind: "tokenized", tokens: promptIds.length }, options.blockSize);
  const { tokens: promptTokens, hashedTokens, outvoted = expected ? undefined : claimed } = weighed;
  const lengths = {
    promptTokens,
    extra: { ...extra, ...(outvoted !== undefined && { server_prompt_tokens: outvoted }) },
  };
  if (hashedTokens === 0) return { ...record, ...lengths };
  const fingerprinter = new Fingerprinter({ blockSize: options.blockSize });
  const blockIds = internHashes(fingerprinter.append(promptIds), options.blocks);
  const whole = answer === "" ? promptIds : await tokenizer.encode(prompt, answer);
  const goesOn = whole && promptTokens === promptIds.length && promptIds.every((id, i) => whole[i] === id);
  return {
    ...record,
    ...lengths,
    blockIds,
    ...(goesOn && {
      outputBlockIds: internHashes(
        fingerprinter.append(whole.slice(promptIds.length, promptTokens + record.outputTokens)),
        options.blocks,
      ),
    }),
  };
}
