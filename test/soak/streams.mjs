// Many streams at once on the served engine, with clients that hang up at random: memory stays flat, every block comes
// back, and /metrics counts what happened.
//
//   node test/soak/streams.mjs [--seconds 60] [--streams 200] [--hang-ups 0.1] [--seed 1]
import { Agent, request } from "node:http";
import { parseArgs } from "node:util";
import { childServer, metric, report, seeded } from "./child-server.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    streams: { type: "string", default: "200" },
    "hang-ups": { type: "string", default: "0.1" },
    seed: { type: "string", default: "1" },
  },
});
const seconds = Number(values.seconds);
const streams = Number(values.streams);
const hangUps = Number(values["hang-ups"]);
const random = seeded(Number(values.seed));
const integer = (from, to) => from + Math.floor(random() * (to - from + 1));

const prefixes = [0, 1].map((p) => Array.from({ length: 2000 }, (_, i) => 1000 + p * 5000 + i));
const server = await childServer({ serve: { engine: { maxNumSeqs: 256, kvCacheBlocks: 65_536 } } });
const agent = new Agent({ keepAlive: true });
const count = { completed: 0, hungUp: 0, wrong: 0, tokens: 0, promptTokens: 0 };

/** One request; some clients leave after a random number of events. */
function stream() {
  const outputTokens = integer(32, 256);
  const leaveAfter = random() < hangUps ? integer(0, outputTokens - 2) : Number.POSITIVE_INFINITY;
  const own = Array.from({ length: integer(20, 200) }, () => integer(20_000, 50_000));
  const prompt = [...prefixes[integer(0, 1)], ...own];
  const body = JSON.stringify({
    prompt,
    max_tokens: outputTokens,
    stream: true,
    stream_options: { include_usage: true },
  });
  return new Promise((resolve) => {
    let events = 0;
    let text = "";
    let isOver = false;
    const finish = (kind) => {
      // An answer that was in memory when its client left still ends.
      if (isOver) return;
      isOver = true;
      count[kind]++;
      resolve();
    };
    const sent = request(
      `${server.url}/v1/completions`,
      { method: "POST", agent, headers: { "content-type": "application/json" } },
      (response) => {
        const leave = () => {
          sent.destroy();
          finish("hungUp");
        };
        if (leaveAfter === 0) return leave();
        response.on("error", () => {});
        response.on("data", (bytes) => {
          text += bytes.toString("latin1");
          events += bytes.toString("latin1").split("data: ").length - 1;
          if (events >= leaveAfter && !sent.destroyed) leave();
        });
        response.on("end", () => {
          const usage = /"usage":(\{.*\}\})\}/.exec(text);
          const counted = usage && JSON.parse(usage[1]).completion_tokens === outputTokens;
          // One event a token, the usage, and [DONE]; slow readers get several tokens in one.
          if (!counted || events > outputTokens + 2 || !text.endsWith("data: [DONE]\n\n"))
            return finish("wrong");
          count.tokens += outputTokens;
          count.promptTokens += prompt.length;
          finish("completed");
          return undefined;
        });
        return undefined;
      },
    );
    sent.on("error", () => {
      if (!sent.destroyed) finish("wrong");
    });
    sent.end(body);
  });
}

const endAt = performance.now() + 1000 * seconds;
const samples = [];
async function client() {
  while (performance.now() < endAt) await stream();
}
const clients = Promise.all(Array.from({ length: streams }, client));
let mostRunning = 0;
while (performance.now() < endAt) {
  const state = await server.ask();
  mostRunning = Math.max(mostRunning, state.load.running + state.load.waiting);
  samples.push({
    heapUsed: state.heapUsed,
    rss: state.rss,
    atS: seconds - (endAt - performance.now()) / 1000,
  });
  await new Promise((resolve) => setTimeout(resolve, Math.max(250, 20 * seconds)));
}
await clients;
agent.destroy();
await new Promise((resolve) => setTimeout(resolve, 500));

const state = await server.ask();
const metrics = {
  length: await metric(server.url, "request_success_total", 'finished_reason="length"'),
  abort: await metric(server.url, "request_success_total", 'finished_reason="abort"'),
  answered: await metric(server.url, "request_generation_tokens_sum"),
  prompted: await metric(server.url, "request_prompt_tokens_sum"),
  generated: await metric(server.url, "generation_tokens_total"),
  running: await metric(server.url, "num_requests_running"),
  waiting: await metric(server.url, "num_requests_waiting"),
  usage: await metric(server.url, "kv_cache_usage_perc"),
  hits: await metric(server.url, "prefix_cache_hits_total"),
  queries: await metric(server.url, "prefix_cache_queries_total"),
};
await server.close();
// The first quarter warms up: code is compiled and buffers grow to their size.
const settled = samples.filter((sample) => sample.atS > seconds / 4);
const growth = (name) => (settled.at(-1)?.[name] ?? 0) - (settled[0]?.[name] ?? 0);
// Answers that were out before the server learned that their client had gone.
const finishedUnread = metrics.length - count.completed;
report(
  {
    seconds,
    streams,
    ...count,
    mostInEngine: mostRunning,
    tokensPerSecond: Math.round(metrics.generated / seconds),
    heapGrowthBytes: growth("heapUsed"),
    rssGrowthBytes: growth("rss"),
    heapUsedBytes: settled.at(-1)?.heapUsed,
    finishedUnread,
    idleAgain: state.load,
    metrics,
  },
  {
    "every stream that was read to its end was whole": count.wrong === 0 && count.completed > 0,
    "all blocks came back":
      state.load.usedBlocks === 0 && state.load.running === 0 && state.load.waiting === 0,
    "the heap is flat": growth("heapUsed") < 10 * 1024 * 1024,
    "/metrics counts every request once": metrics.length + metrics.abort === count.completed + count.hungUp,
    "/metrics counts the completed": finishedUnread >= 0 && finishedUnread <= count.hungUp,
    "/metrics counts the tokens":
      finishedUnread === 0 ? metrics.answered === count.tokens : metrics.answered > count.tokens,
    "/metrics counts the prompt tokens": metrics.prompted >= count.promptTokens,
    "/metrics is idle at the end": metrics.running === 0 && metrics.waiting === 0 && metrics.usage === 0,
  },
);
