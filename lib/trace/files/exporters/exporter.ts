import type { Trace } from "../../trace.js";

/** Writes traces in one format. */
export interface Exporter {
  /** The name on the command line. */
  readonly format: string;
  /** One line: what reads it and what of a trace it can hold. */
  readonly description: string;
  /**
   * Creates the file, or replaces it once the new one is whole; a path ending in `.gz` is compressed where the format is text.
   * @throws InputError when the trace lacks what the format needs
   * @throws WorkError when the file cannot be written
   */
  write(trace: Trace, path: string): Promise<void>;
}
