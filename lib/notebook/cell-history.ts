/** One cell that was run. */
interface PastCell {
  readonly count: number;
  readonly code: string;
  /** Plain text of its value. */
  readonly value: string | undefined;
}

/** The one session that a kernel has. */
const session = 1;

/** The cells that a kernel ran, as front ends ask for them: for the arrow keys of a console. */
export class CellHistory {
  #cells: PastCell[] = [];

  add(count: number, code: string, value: string | undefined): void {
    this.#cells.push({ count, code, value });
  }

  /**
   * Answers a `history_request`. Source: jupyter-client, "Messaging in Jupyter", history.
   * @returns rows of session, count and code; with `output`, the code and its value instead
   */
  find(request: Readonly<Record<string, unknown>>): readonly (readonly unknown[])[] {
    const found = this.#chosen(request);
    return found.map(({ count, code, value }) => [
      session,
      count,
      request.output === true ? [code, value ?? null] : code,
    ]);
  }

  #chosen({
    hist_access_type,
    n,
    start,
    stop,
    pattern,
    unique,
  }: Readonly<Record<string, unknown>>): PastCell[] {
    const last = (cells: PastCell[]) => (typeof n === "number" ? cells.slice(-n) : cells);
    if (hist_access_type === "range")
      return this.#cells.filter(
        ({ count }) => count >= Number(start ?? 0) && count < Number(stop ?? Number.POSITIVE_INFINITY),
      );
    if (hist_access_type !== "search") return last(this.#cells);
    const matching = this.#cells.filter(({ code }) => globExpression(String(pattern ?? "*")).test(code));
    const isLast = ({ code, count }: PastCell) =>
      matching.findLast((cell) => cell.code === code)?.count === count;
    return last(unique === true ? matching.filter(isLast) : matching);
  }
}

/** A pattern of the shell: `*` for any text, `?` for any character. */
function globExpression(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", "[^]*").replaceAll("?", "[^]")}$`);
}
