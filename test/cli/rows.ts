/** A sound row of a trace file, with other fields where given. */
export const row = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    prompt_tokens: 40,
    cached_tokens: 0,
    output_tokens: 3,
    ttft_ms: 20,
    itl_ms: [5, 5],
    arrival_ms: 10,
    concurrency: 1,
    block_hashes: [11, 12],
    ...fields,
  });
/** The text of a file of these rows. */
export const lines = (...rows: string[]): string => `${rows.join("\n")}\n`;
