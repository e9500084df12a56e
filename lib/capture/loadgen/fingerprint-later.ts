import type { Tokens } from "../../base/index.js";
import { Fingerprinter, internHashes } from "../../trace/files/index.js";
import type { BlockTable, TraceRecord } from "../../trace/index.js";
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
  const { prompt_tokens_expected: expected, ...extra } = record.extra ?? {};
  const promptTokens = expected ? promptIds.length : record.promptTokens;
  const fingerprinter = new Fingerprinter({ blockSize: options.blockSize });
  // A server that counts fewer tokens than the tokenizer has no blocks beyond its count.
  const counted = promptIds.slice(0, promptTokens);
  const blockIds = internHashes(fingerprinter.append(counted), options.blocks);
  const whole = answer === "" ? promptIds : await tokenizer.encode(prompt, answer);
  const goesOn = whole && counted.length === promptIds.length && promptIds.every((id, i) => whole[i] === id);
  return {
    ...record,
    promptTokens,
    blockIds,
    ...(goesOn && {
      outputBlockIds: internHashes(
        fingerprinter.append(whole.slice(promptIds.length, promptTokens + record.outputTokens)),
        options.blocks,
      ),
    }),
    extra,
  };
}
