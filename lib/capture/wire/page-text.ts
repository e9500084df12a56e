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
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(pieces).toString("utf8");
    bytes += value.length;
    pieces.push(value);
    if (bytes > LARGEST_PAGE_BYTES) {
      await reader.cancel();
      return undefined;
    }
  }
}
