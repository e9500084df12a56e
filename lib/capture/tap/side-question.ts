import type { Ms } from "../../base/index.js";
import { pageText } from "../wire/index.js";

/** Longest wait for an answer that is not part of the recorded traffic. */
const SIDE_QUESTION_TIMEOUT_MS: Ms = 5_000;

/** An answer to a question beside the traffic; no status when there was none, no JSON unless the status is 200. */
export interface SideAnswer {
  readonly status?: number;
  readonly json?: unknown;
}

/**
 * Asks a server something beside the traffic: a GET, or with a body a POST of it. No answer is an answer.
 * @param headers the authorization of a recorded request, where the server wants one
 */
export async function askBeside(
  url: string,
  body: Readonly<Record<string, unknown>> | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<SideAnswer> {
  try {
    const answer = await fetch(url, {
      method: body ? "POST" : "GET",
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(SIDE_QUESTION_TIMEOUT_MS),
    });
    const { status } = answer;
    if (status !== 200) {
      await answer.body?.cancel();
      return { status };
    }
    return { status, json: await answer.json().catch(() => undefined) };
  } catch {
    // The upstream does not offer it, or is not there.
    return {};
  }
}

/** The server has said what it has to say: it neither refused the question, nor put it off, nor failed. */
export function isClear(status: number | undefined): boolean {
  if (status === undefined) return false;
  return (status < 500 && ![401, 403, 407, 408, 429].includes(status)) || status === 501;
}

/** A page of the server beside the traffic, as text; undefined when it has none. No answer is an answer. */
export async function pageBeside(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(SIDE_QUESTION_TIMEOUT_MS) });
    return await pageText(answer);
  } catch {
    // The upstream does not offer it, or is not there.
    return undefined;
  }
}
