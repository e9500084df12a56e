import type { Tokens } from "../base/index.js";
import type { SessionLabels } from "../sessions/index.js";
import { formatCount } from "./format-quantity.js";
import { type BarPiece, type ExplainedRequest, grouped } from "./miss-bars.js";
import { lostTokens, missStyles } from "./miss-style.js";

/** Requests of a session that are shown at most. */
const MOST_ROWS = 40;

/** One session, its requests in the order of the records. */
export interface SessionStrip {
  readonly session: number;
  /** Those that are shown: of a longer session, the run of them in which the most tokens were lost. */
  readonly requests: readonly ExplainedRequest[];
  /** Of the session. */
  readonly requestCount: number;
  readonly lostTokens: Tokens;
}

/**
 * The requests of a session, or, without one, of the session in which the most tokens were lost; where none were, of the
 * one with the most prompt tokens.
 * @returns undefined where the session has no request that is explained
 */
export function sessionStrip(
  requests: readonly ExplainedRequest[],
  { session: sessionOf }: SessionLabels,
  session?: number,
): SessionStrip | undefined {
  const bySession = grouped(requests, ({ index }) => sessionOf[index]);
  const chosen = session ?? costliest(bySession);
  const own = chosen === undefined ? undefined : bySession.get(chosen);
  if (chosen === undefined || !own) return undefined;
  return {
    session: chosen,
    requests: costliestRun(own),
    requestCount: own.length,
    lostTokens: sum(own, ({ parts }) => lostTokens(parts)),
  };
}

function costliest(bySession: ReadonlyMap<number, readonly ExplainedRequest[]>): number | undefined {
  let best: { session: number; lost: Tokens; prompt: Tokens } | undefined;
  for (const [session, own] of bySession) {
    const lost = sum(own, ({ parts }) => lostTokens(parts));
    const prompt = sum(own, ({ promptTokens }) => promptTokens);
    if (!best || lost > best.lost || (lost === best.lost && prompt > best.prompt))
      best = { session, lost, prompt };
  }
  return best?.session;
}

function costliestRun(own: readonly ExplainedRequest[]): readonly ExplainedRequest[] {
  if (own.length <= MOST_ROWS) return own;
  let lost = sum(own.slice(0, MOST_ROWS), ({ parts }) => lostTokens(parts));
  let best = { from: 0, lost };
  for (let end = MOST_ROWS; end < own.length; end++) {
    lost += lostTokens(own[end].parts) - lostTokens(own[end - MOST_ROWS].parts);
    if (lost > best.lost) best = { from: end - MOST_ROWS + 1, lost };
  }
  return own.slice(best.from, best.from + MOST_ROWS);
}

/** A lying bar a request, its parts where they stand in the prompt; rows count from the top. */
export function stripPieces({ requests }: SessionStrip): BarPiece[] {
  return requests.flatMap(({ cachedTokens, parts }, row) =>
    [{ cause: "cached", fromToken: 0, tokens: cachedTokens }, ...parts].map(
      ({ cause, fromToken, tokens }): BarPiece => ({
        name: cause,
        at: row,
        width: 0.72,
        from: fromToken,
        length: tokens,
        hover: `tokens ${formatCount(fromToken)} to ${formatCount(fromToken + tokens)}`,
      }),
    ),
  );
}

/** Where each request left the one before it: row and token. */
export function departures({ requests }: SessionStrip): { readonly row: number; readonly token: Tokens }[] {
  return requests.flatMap(({ parts }, row) => {
    const left = parts.find(({ from }) => from !== undefined);
    return left ? [{ row, token: left.fromToken }] : [];
  });
}

/**
 * A session as lines of characters, one a request, `width` wide for the longest prompt: each character stands for what
 * most of its tokens are, and `|` for where the request left the one before it. The first line is a key.
 * @example
 * ```ts
 * import { sessionStripText } from "prefixlab/figure";
 * const cause = (cause: string, fromToken: number, tokens: number) => ({ cause, fromToken, tokens });
 * const requests = [
 *   { index: 0, promptTokens: 64, cachedTokens: 0, parts: [cause("first_use", 0, 64)] },
 *   { index: 1, promptTokens: 96, cachedTokens: 48, parts: [cause("evicted", 48, 48)] },
 * ];
 * const sessions = { parent: Int32Array.of(-1, 0), turn: Int32Array.of(1, 2), session: Int32Array.of(0, 0) };
 * sessionStripText(requests, sessions, 12)?.slice(1); // → ["  1  nnnnnnnn      64", "  2  ......EEEEEE  96"]
 * ```
 */
export function sessionStripText(
  requests: readonly ExplainedRequest[],
  sessions: SessionLabels,
  width: number,
  session?: number,
): string[] | undefined {
  const strip = sessionStrip(requests, sessions, session);
  if (!strip) return undefined;
  const longest = Math.max(1, ...strip.requests.map(({ promptTokens }) => promptTokens));
  const used = new Set<string>();
  const marks = new Map(departures(strip).map(({ row, token }) => [row, token]));
  const rows = strip.requests.map((request, row) => {
    const columns = Math.max(1, Math.round((request.promptTokens / longest) * width));
    const tokensAColumn = request.promptTokens / columns;
    const pieces = [{ cause: "cached", fromToken: 0, tokens: request.cachedTokens }, ...request.parts];
    const left = marks.get(row);
    let line = "";
    for (let column = 0; column < columns; column++) {
      const from = column * tokensAColumn;
      const name = largestIn(pieces, from, from + tokensAColumn);
      const isLeft = left !== undefined && Math.floor(left / tokensAColumn) === column;
      if (!isLeft) used.add(name);
      line += isLeft ? "|" : (missStyles.find((style) => style.name === name)?.character ?? "?");
    }
    const turn = String(sessions.turn[request.index]).padStart(3);
    return `${turn}  ${line.padEnd(width)}  ${formatCount(request.promptTokens)}`;
  });
  const key = missStyles
    .filter(({ name }) => used.has(name))
    .map(({ character, label }) => `${character} ${label}`);
  if (marks.size > 0) key.push("| leaves the prompt before");
  const { requestCount, lostTokens: lost } = strip;
  const shown = rows.length < requestCount ? `${rows.length} of ` : "";
  return [
    `session ${strip.session}, ${shown}${requestCount} requests, ${formatCount(lost)} tokens lost; turn, prompt, its tokens: ${key.join(", ")}`,
    ...rows,
  ];
}

function largestIn(
  pieces: readonly { readonly cause: string; readonly fromToken: Tokens; readonly tokens: Tokens }[],
  from: number,
  to: number,
): string {
  let best = { cause: "cached", tokens: 0 };
  for (const { cause, fromToken, tokens } of pieces) {
    const inside = Math.min(to, fromToken + tokens) - Math.max(from, fromToken);
    if (inside > best.tokens) best = { cause, tokens: inside };
  }
  return best.cause;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
