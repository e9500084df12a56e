import { InputError, type Tokens } from "../../base/index.js";
import type { ApiClient } from "./api-client.js";
import { type Endpoint, endpointPaths, endpoints } from "./endpoint.js";
import type { Exchange } from "./exchange.js";
import type { Prompt } from "./prompt.js";
import type { RequestWriter } from "./request-writer.js";
import { isFormRefused, sendRequest } from "./send-request.js";

/** Enough for a first token and a gap. OpenAI's responses are no shorter than 16. */
const PROBE_TOKENS: Readonly<Record<Endpoint, Tokens>> = {
  completions: 2,
  chat: 2,
  messages: 2,
  responses: 16,
};
/** For a server to which those are too few. */
const LONGER_PROBE_TOKENS: Tokens = 64;

const sizeWords =
  /too (?:small|few|large|long|short)|at (?:least|most)|minimum|maximum|greater|less than|>=|<=/i;

/**
 * Sends one small request to see whether the server serves the model through the endpoint, and which optional fields it
 * takes: those that it refuses are left out of all that the writer writes from then on. Where the server does not name what
 * it refuses, fields are left out one after the other until it answers, and then each is tried again, so that no more of
 * them are missing than have to.
 * @throws InputError when it does not answer, and what to do about it
 */
export async function probeServer(
  client: ApiClient,
  writer: RequestWriter,
  prompt: Prompt,
  url: string,
): Promise<Exchange> {
  let outputTokens: Tokens = PROBE_TOKENS[writer.endpoint];
  const send = () => sendRequest(client, writer, { prompt, outputTokens });
  let first = await send();
  if (isLimitNamed(first, writer)) {
    outputTokens = LONGER_PROBE_TOKENS;
    first = await send();
  }
  if (!first.failure) return first;
  let answered: Exchange | undefined;
  if (isFormRefused(first.failure.status) && !isLimitNamed(first, writer)) {
    const left: string[] = [];
    for (const field of writer.optionalFields) {
      if (writer.refused.has(field)) continue;
      writer.refuse(field, first.failure.detail);
      left.push(field);
      const exchange = await send();
      if (!exchange.failure) answered = exchange;
      if (answered) break;
    }
    // The last one left out is to blame; the ones before it may be innocent.
    for (const field of left.slice(0, -1)) {
      if (!answered) break;
      writer.takeBack(field);
      const exchange = await send();
      if (exchange.failure) writer.refuse(field, exchange.failure.detail);
      else answered = exchange;
    }
    if (!answered) for (const field of left) writer.takeBack(field);
  }
  if (answered) return answered;
  throw new InputError(await whyNot(client, writer, url, first));
}

/** It is the length of the output that the server does not like. */
function isLimitNamed({ failure }: Exchange, { limitName }: RequestWriter): boolean {
  const words = failure?.body ?? "";
  return limitName !== undefined && words.includes(limitName) && sizeWords.test(words);
}

/** Says why a server does not answer, and what to do about it. */
async function whyNot(
  client: ApiClient,
  writer: RequestWriter,
  url: string,
  { failure }: Exchange,
): Promise<string> {
  const detail = failure?.detail ?? "no answer";
  const told = `runLoadgen: ${url} does not serve ${writer.model}: ${detail}`;
  const status = failure?.status;
  if (status === 401 || status === 403)
    return `${told}: the key is missing or wrong: set OPENAI_API_KEY${writer.endpoint === "messages" ? " or ANTHROPIC_API_KEY" : ""}`;
  if (status !== undefined && status >= 300 && status < 400)
    return `${told}: url must be the address that the server itself has`;
  if (status === 429) return `${told}: the server takes no more requests for now: try again later`;
  const models = await servedModels(client);
  if (models && !models.includes(writer.model))
    return `${told}: model must be one that it serves (${models.slice(0, 8).join(", ")}${models.length > 8 ? ", ..." : ""}), got ${JSON.stringify(writer.model)}`;
  // A model that is not there is told so by many, with the same status as a path.
  const isPathMissing = (status === 404 && !/model/i.test(detail)) || status === 405 || status === 501;
  if (isPathMissing) {
    const others = await otherEndpoints(client, writer);
    const tried = `POST ${writer.path} was asked for (endpoint ${writer.endpoint})`;
    if (others.length > 0) return `${told}: ${tried}: it answers endpoint ${others.join(", ")}`;
    return `${told}: ${tried}: url must be the address before /v1 of a server that speaks it`;
  }
  if (failure?.reason === "disconnect") return `${told}: is the server up, and url its address before /v1?`;
  return told;
}

async function servedModels(client: ApiClient): Promise<string[] | undefined> {
  const answer = (await client.json("GET", "/v1/models")) as { data?: unknown } | undefined;
  if (!Array.isArray(answer?.data)) return undefined;
  const names = (answer.data as { id?: unknown }[]).flatMap((model) =>
    typeof model?.id === "string" ? [model.id] : [],
  );
  return names.length > 0 ? names : undefined;
}

/** The endpoints that are there, whatever they make of an empty request. */
async function otherEndpoints(client: ApiClient, writer: RequestWriter): Promise<string[]> {
  const others = endpoints.filter((endpoint) => endpoint !== writer.endpoint);
  const there = await Promise.all(
    others.map(async (endpoint) => {
      const { failure } = await client.sendBody(endpointPaths[endpoint], "{}");
      return failure === undefined || (failure.status !== undefined && ![404, 405].includes(failure.status));
    }),
  );
  return others.filter((_, i) => there[i]);
}
