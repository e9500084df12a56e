/** Why one row cannot be used: becomes a rejection with its line number, or, under `strict`, the end of the read. */
export class RowError extends Error {
  override readonly name = "RowError";
}
