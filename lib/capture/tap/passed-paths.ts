import { cleanPath } from "../wire/index.js";

/** Paths that are told apart; what comes beyond is counted together. */
const MOST_PATHS = 64;

/** Paths of requests that ask a server about itself or make no completion of a prompt; no news in a capture's last lines. */
const SIDE_PATHS =
  /\/(tokenize|detokenize|count_tokens|embeddings|embed|rerank|score|moderations|apply-template|render|show|pull)$/;

/**
 * Counts requests that pass without being recorded, by path: those that bring something to a server (POST), whether they
 * are completions of an API that is not known or no completions at all.
 */
export class PassedPaths {
  readonly #counts = new Map<string, number>();

  /** @param target path and query as in the request line */
  add(target: string): void {
    const path = foldedPath(target);
    const key = this.#counts.has(path) || this.#counts.size < MOST_PATHS ? path : "others";
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Counts by path, largest first. */
  get counts(): readonly (readonly [path: string, count: number])[] {
    return [...this.#counts].sort((a, b) => b[1] - a[1]);
  }

  /** Those that may have been completions: not tokenizing, embedding and the like. */
  get doubtful(): readonly (readonly [path: string, count: number])[] {
    return this.counts.filter(([path]) => !SIDE_PATHS.test(path));
  }
}

/** A path without its query and with ids in it folded: as many forms as there are kinds of requests. */
export function foldedPath(target: string): string {
  const path = cleanPath(target).slice(0, 256);
  // Clients write what they like into a path: nothing of it reaches a terminal but plain characters.
  const plain = path.replace(/[^\w./:~-]/g, "?");
  return plain === "" ? "/" : plain.replace(/(?<=\/)((?=[^/]*\d)[\w-]{9,}|\d+)(?=[/:]|$)/g, "*");
}
