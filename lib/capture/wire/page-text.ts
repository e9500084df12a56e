/** No page of an engine's is longer. */
const LARGEST_PAGE_BYTES = 4 * 1024 * 1024;

/** A page's text; undefined when its status is not 200, or it is longer than a page: then the rest is not read. */
export async function pageText(answer: Response): Promise<string | undefined> {
  if (answer.status !== 200 || !answer.body) {
    await answer.body?.cancel();
    return undefined;
  }
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of answer.body) {
    bytes += piece.length;
    // Leaving the loop cancels the rest.
    if (bytes > LARGEST_PAGE_BYTES) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
