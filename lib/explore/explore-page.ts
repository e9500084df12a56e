/** A trace of a page, as its reader sees it. */
export interface PageTrace {
  readonly name: string;
  /** The file, as `replay` is given it. */
  readonly typed: string;
  readonly requests: number;
  readonly sessions: number;
  /** Turns of the longest session. */
  readonly mostTurns: number;
  /** Tokens of the longest request: no smaller pool serves it. */
  readonly longestTokens: number;
  readonly hasHashes: boolean;
  /** What a reader should know of the trace. */
  readonly notes: readonly string[];
}

/** A latency model of a page. */
export interface PageModel {
  /** What a question calls it. */
  readonly name: string;
  readonly label: string;
  /** The flags that give it to `replay`. */
  readonly typed: string;
  readonly notes: readonly string[];
}

/** What a page knows before anything is computed. */
export interface ExplorePage {
  readonly traces: readonly PageTrace[];
  /** The first one is chosen when the page opens. */
  readonly models: readonly PageModel[];
  readonly version: string;
}
