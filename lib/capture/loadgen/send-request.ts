import type { Tokens } from "../../base/index.js";
import type { ApiClient } from "./api-client.js";
import type { Exchange } from "./exchange.js";
import type { Prompt } from "./prompt.js";
import { refusedField } from "./refused-field.js";
import type { RequestWriter } from "./request-writer.js";

/** A request, and its body where that is written already. */
export interface Sendable {
  readonly prompt: Prompt;
  readonly outputTokens: Tokens;
  readonly body?: string;
  /** The writer's revision that wrote it. */
  readonly revision?: number;
}

/**
 * Sends a request. Where the server refuses it for a field that it can do without, and names that field, it is sent again
 * without it, and so are all that the writer writes from then on: one field at a time, for as many as there are. What is
 * measured is the last time it was sent.
 * @param onRefused called when it is sent again
 */
export async function sendRequest(
  client: ApiClient,
  writer: RequestWriter,
  request: Sendable,
  hooks: { readonly onFirstToken?: (() => void) | undefined; readonly onRefused?: () => void } = {},
): Promise<Exchange> {
  const write = () => writer.write(request.prompt, request.outputTokens);
  const isWritten = request.body !== undefined && request.revision === writer.revision;
  let body = isWritten ? (request.body as string) : write();
  for (let again = writer.optionalFields.length; ; again--) {
    const exchange = await client.sendBody(writer.path, body, hooks.onFirstToken);
    const words = again > 0 ? refusalWords(exchange) : undefined;
    const field = words === undefined ? undefined : refusedField(words, writer.optionalFields);
    if (field === undefined || !bodyHas(body, field)) return exchange;
    if (!writer.refused.has(field)) writer.refuse(field, exchange.failure?.detail ?? "");
    body = write();
    hooks.onRefused?.();
  }
}

/** Statuses that tell of the request's form: neither of who asks, nor for what, nor of the server's health. */
export function isFormRefused(status: number | undefined): boolean {
  return status === 400 || status === 422 || status === 500 || status === 501;
}

/** What the server said of a request that it refused before it answered anything; undefined for any other exchange. */
function refusalWords({ failure, chunkAtMs }: Exchange): string | undefined {
  if (failure?.reason !== "error" || chunkAtMs.length > 0) return undefined;
  // Some send their refusals with success, in the stream.
  if (failure.status === undefined) return failure.detail;
  return isFormRefused(failure.status) ? (failure.body ?? failure.detail) : undefined;
}

function bodyHas(body: string, field: string): boolean {
  return body.includes(`"${field}":`);
}
