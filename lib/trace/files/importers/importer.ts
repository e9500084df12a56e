import type { Tokens } from "../../../base/index.js";
import type { Trace } from "../../trace.js";
import type { ReadTraceOptions } from "../read-trace-batches.js";
import type { TimeUnit } from "./time-unit.js";

/** How to read a foreign format. Each importer says which of the format-specific options it uses. */
export interface ImportOptions extends ReadTraceOptions {
  /** Tokens a block, where the source gives token ids or text, or does not say. */
  readonly blockSize?: Tokens;
  /** Secret bytes for fingerprints made from token ids or text. */
  readonly fingerprintKey?: Uint8Array;
  /**
   * The unit of the source's time stamps, and of durations that it gives without one. Default: the format's own, or another
   * one that all values together point to; then a warning says so.
   */
  readonly timeUnit?: TimeUnit;
  /** A second file that belongs to the first: the workload of `llmservingsim`, the header of `blis`, the summary of `aiperf`. */
  readonly companionPath?: string;
  /** `weka`, `agentic-mooncake`: ms between the starts of the conversations of one source. Default 60,000. */
  readonly startGapMs?: number;
  /** `weka`: take the requests of sub-agents too, each sub-agent a session of its own. Default false. */
  readonly subagents?: boolean;
  /** `weka`: give the tools and system prompt of one model the same blocks in every conversation. Default true. */
  readonly sharedPreamble?: boolean;
  /** `csv`: the column behind each field, as in `{prompt_tokens: "in", arrival_s: "t"}`. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Formats that hold text: text to token ids, see `openTokenizer`. Default: bytes of UTF-8, see `text-tokens.ts`. */
  readonly tokenize?: (text: string) => ArrayLike<number>;
}

/** Reads one foreign format into a trace. */
export interface Importer {
  /** The name on the command line. */
  readonly format: string;
  /** One line: what the source is and what it holds. */
  readonly description: string;
  /**
   * Reads a file (or folder, where the format has them) into a trace.
   * @throws InputError when the source cannot be read, holds no usable record, or, with `strict`, at the first bad row
   */
  read(path: string, options: ImportOptions): Promise<Trace>;
}
