import { isAnswered } from "../../dist/index.js";
import { APIS } from "./apis.mjs";
import { post } from "./raw-client.mjs";
import { authorization } from "./server-list.mjs";
import { startTapProcess } from "./tap-process.mjs";

/** Requests that end badly, and what the tap makes of each: a failure at the client has to be one in the trace. */
export async function checkFailures(server) {
  const tap = await startTapProcess(server.url, server.tapFlags);
  const messages = [{ role: "user", content: "Who built the stone bridge?" }];
  const { path, read } = APIS.chat;
  const ask = (body, onFirstRead) =>
    post(`${tap.url}${path}`, JSON.stringify(body), authorization(server), read, onFirstRead);
  const cases = [
    { name: "unknown model", body: { model: "no-such-model", messages, max_tokens: 4 } },
    {
      name: "prompt too long",
      body: {
        model: server.model,
        messages: [{ role: "user", content: "a mill ".repeat(20_000) }],
        max_tokens: 4,
      },
    },
    { name: "bad field", body: { model: server.model, messages, max_tokens: -5, stream: true } },
    {
      name: "client hangs up",
      body: { model: server.model, messages, max_tokens: 600, ignore_eos: true, stream: true },
      onFirstRead: (sent) => sent.destroy(),
    },
  ];
  const outcomes = [];
  for (const { name, body, onFirstRead } of cases) {
    const seen = await ask(body, onFirstRead).catch((error) => ({ status: 0, error: error.message }));
    outcomes.push({
      name,
      hasFailed: onFirstRead !== undefined || seen.status !== 200 || seen.error !== undefined,
    });
  }
  const { trace, problem } = await tap.end();
  const records = trace?.records ?? [];
  return outcomes.map(({ name, hasFailed }, i) => {
    const record = records.length === outcomes.length ? records[i] : undefined;
    const isRight = record !== undefined && isAnswered(record) !== hasFailed;
    return { name, hasFailed, isRight, reason: record?.finishReason ?? problem ?? "not recorded" };
  });
}
