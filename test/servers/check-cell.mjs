import { setTimeout } from "node:timers/promises";
import { APIS } from "./apis.mjs";
import { judgeCell } from "./judge-cell.mjs";
import { post, rawTurn } from "./raw-client.mjs";
import { sdkTurn } from "./sdk-client.mjs";
import { authorization } from "./server-list.mjs";
import { startTapProcess } from "./tap-process.mjs";

const TURNS = 3;
const CONVERSATIONS = 2;

/** Text that no other cell sends, so that the server's cache holds none of it. */
let cell = Date.now() % 1_000_000;

/**
 * Two conversations of three turns, in turn, through a tap of their own.
 * @param {{server: object, apiName: string, client: "raw" | "sdk", stream: false | true | "usage", isNamed: boolean, sdks: object}} options
 */
export async function checkCell({ server, apiName, client, stream, isNamed, sdks }) {
  const conversations = newConversations();
  const tap = await startTapProcess(server.url, server.tapFlags);
  const requests = [];
  try {
    for (let turn = 0; turn < TURNS; turn++)
      for (const conversation of conversations) {
        conversation.turns.push({ user: question(conversation, turn) });
        // llama.cpp promises to keep a connection alive and ends it a millisecond after a stream.
        await setTimeout(25);
        const body = APIS[apiName].body(server.model, conversation, false);
        const options = {
          base: tap.url,
          server,
          apiName,
          conversation: structuredClone(conversation),
          stream,
          isIdentified: isNamed,
        };
        const seen = await (client === "raw" ? rawTurn(options) : sdkTurn({ ...options, sdks }));
        const isHeldByServer = APIS[apiName].isHeldByServer === true;
        requests.push({ conversation, seen, body, isHeldByServer, isIdentified: isNamed || isHeldByServer });
        conversation.turns.at(-1).answer = seen.text;
        conversation.lastId = seen.id;
      }
  } finally {
    tap.ended = await tap.end();
  }
  // Some send a usage of zeros with every event: zero is "not told".
  for (const request of requests)
    request.truePromptTokens = request.seen.promptTokens || (await promptTokensOf(server, apiName, request));
  for (const request of requests)
    if (!request.isHeldByServer) request.trueTokenIds = await promptIdsOf(server, apiName, request);
  const judged = judgeCell({ requests, trace: tap.ended.trace, key: tap.key });
  const failed = requests.filter(({ seen }) => seen.error !== undefined);
  if (failed.length > 0)
    judged.wrong.push(`${failed.length} requests failed at the client: ${failed[0].seen.error}`);
  if (tap.ended.code !== 0)
    judged.wrong.push(`the tap ended with ${tap.ended.code}: ${tap.ended.said.trim()}`);
  if (tap.ended.problem) judged.wrong.push(tap.ended.problem);
  return { ...judged, said: tap.ended.said, meta: tap.ended.trace?.meta };
}

/** True when the server speaks this API: a small request gets an answer. */
export async function speaks(server, apiName) {
  const [conversation] = newConversations();
  conversation.turns.push({ user: "Is anyone there?" });
  const seen = await rawTurn({
    base: server.url,
    server,
    apiName,
    conversation,
    stream: false,
    isIdentified: false,
  });
  if (seen.status !== 200 || !APIS[apiName].isHeldByServer) return seen.status === 200;
  // An API that continues what the server holds is spoken where the server holds something.
  const first = conversation.turns[0];
  first.answer = seen.text;
  conversation.lastId = seen.id;
  conversation.turns.push({ user: "And now?" });
  const next = await rawTurn({
    base: server.url,
    server,
    apiName,
    conversation,
    stream: false,
    isIdentified: false,
  });
  return next.status === 200 && (next.promptTokens ?? 0) > (seen.promptTokens ?? 0);
}

/** What the server says of the same prompt when asked for a whole answer, past the tap. */
async function promptTokensOf(server, apiName, { body }) {
  const { path, read } = APIS[apiName];
  const headers = { ...authorization(server), "anthropic-version": "2023-06-01" };
  return (await post(`${server.url}${path}`, JSON.stringify(body), headers, read)).promptTokens;
}

/**
 * The prompt's token ids by the server's own word, asked past the tap: vLLM returns them with an answer
 * (`return_token_ids`), and for bodies of the other APIs from `/render` (`--enable-scale-out`).
 */
async function promptIdsOf(server, apiName, { body }) {
  const { path } = APIS[apiName];
  const headers = { ...authorization(server), "anthropic-version": "2023-06-01" };
  const isReturned = path.endsWith("completions");
  const asked = isReturned ? { ...body, max_tokens: 1, return_token_ids: true } : body;
  const url = `${server.url}${path}${isReturned ? "" : "/render"}`;
  let ids;
  await post(url, JSON.stringify(asked), headers, (answer) => {
    ids = answer.prompt_token_ids ?? answer.choices?.[0]?.prompt_token_ids ?? answer.token_ids;
  });
  return Array.isArray(ids) ? ids : undefined;
}

function newConversations() {
  cell++;
  const system =
    `Shelf ${cell}. You keep the archive of a small town and answer questions about its bridges, mills and markets. ` +
    "Answer in plain words, name the year where it is known, and say so where it is not. Never make up a source. ";
  return Array.from({ length: CONVERSATIONS }, (_, index) => ({
    index,
    id: `c0ffee00-0000-4000-8000-${String(cell).padStart(6, "0")}${String(index).padStart(6, "0")}`,
    system,
    turns: [],
  }));
}

function question({ index }, turn) {
  const subject = ["the stone bridge by the lower mill", "the wooden market hall at the north gate"][index];
  return [
    `What is known about ${subject}, who paid for it, and how long did it take to build?`,
    `Which repairs were made to ${subject} in the hundred years that followed, and by whom?`,
    `Is anything of ${subject} left today, and where would a visitor have to look for it?`,
  ][turn];
}
