// Malformed requests against the served engine and against the tap before it: each must end in a 4xx or a closed socket,
// while streams beside them go on undisturbed.
//
//   node test/soak/malformed.mjs [--requests 10000] [--seed 1] [--target serve|tap]
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { childServer, report, seeded } from "./child-server.mjs";
import { malformedRequest } from "./malformed-requests.mjs";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    target: { type: "string", default: "serve" },
  },
});
const requests = Number(values.requests);
/** Time a client has to send its request, here: short, so that slow ones are cut within the run. */
const REQUEST_TIMEOUT_MS = 1_000;
const AT_ONCE = 16;
const STREAMS = 4;

const directory = mkdtempSync(join(tmpdir(), "prefixlab-malformed-"));
const server = await childServer({
  serve: { requestTimeoutMs: REQUEST_TIMEOUT_MS },
  ...(values.target === "tap" && {
    tap: { traceOut: join(directory, "tap.jsonl"), requestTimeoutMs: REQUEST_TIMEOUT_MS },
  }),
});
const port = Number(new URL(server.url).port);

/** Sends raw bytes; resolves to the status of the first answer, or "closed" when there is none. */
function send({ bytes, close }) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    const status = () => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
    const late = setTimeout(() => {
      socket.destroy();
      resolve(status() ?? "no end");
    }, 15_000);
    socket.on("data", (data) => {
      answer += data.toString("latin1").slice(0, 4096 - answer.length);
      // A connection may be kept alive after its answer.
      if (status() && answer.includes("\r\n\r\n")) socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(late);
      resolve(status() ?? "closed");
    });
    socket.write(bytes, () => {
      // Otherwise it stays open: half closed, a server may take it for gone and save itself the answer.
      if (close) socket.destroy();
    });
  });
}

/** Streams that must not notice: all their tokens, and how long the longest gap was. */
const agent = new Agent({ keepAlive: true });
const beside = { streams: 0, broken: 0, longestGapMs: 0 };
let isOver = false;
async function besideStreams() {
  while (!isOver) {
    const tokens = await new Promise((resolve) => {
      let text = "";
      let lastMs = performance.now();
      const sent = request(
        `${server.url}/v1/completions`,
        { method: "POST", agent, headers: { "content-type": "application/json" } },
        (response) => {
          response.on("data", (bytes) => {
            beside.longestGapMs = Math.max(beside.longestGapMs, performance.now() - lastMs);
            lastMs = performance.now();
            text += bytes.toString("latin1");
          });
          response.on("end", () =>
            resolve([...text.matchAll(/"text":"([^"]*)"/g)].map((m) => m[1]).join("").length),
          );
          response.on("error", () => resolve(-1));
        },
      );
      sent.on("error", () => resolve(-1));
      sent.end(JSON.stringify({ prompt: "Once upon a time", max_tokens: 100, stream: true }));
    });
    beside.streams++;
    if (tokens !== 100) beside.broken++;
  }
}

const streams = Promise.all(Array.from({ length: STREAMS }, besideStreams));
const random = seeded(Number(values.seed));
const answers = {};
const wrong = [];
let next = 0;
async function sender() {
  while (next < requests) {
    const i = next++;
    const malformed = malformedRequest(i, random);
    const status = await send(malformed);
    const isRight = status === "closed" || /^4\d\d$/.test(status);
    answers[status] = (answers[status] ?? 0) + 1;
    if (!isRight && wrong.length < 20) wrong.push({ i, name: malformed.name, status });
  }
}
const started = performance.now();
await Promise.all(Array.from({ length: AT_ONCE }, sender));
const seconds = (performance.now() - started) / 1000;
isOver = true;
await streams;
agent.destroy();
await new Promise((resolve) => setTimeout(resolve, 300));
const state = await server.ask();
const isAlive = server.isAlive();
await server.close();
rmSync(directory, { recursive: true, force: true });
report(
  {
    target: values.target,
    requests,
    seconds,
    answers,
    wrong,
    beside,
    records: state.records,
    idleAgain: state.load,
    heapUsedBytes: state.heapUsed,
    problems: state.problems,
  },
  {
    "each ended in a 4xx or a closed socket": wrong.length === 0,
    "the process is alive": isAlive,
    "no stream beside them was disturbed": beside.broken === 0 && beside.streams > 0,
    "nothing is left in the engine": state.load.running === 0 && state.load.usedBlocks === 0,
    "the tap only tells what it does not record, and what a replay will assume": state.problems.every(
      (problem) =>
        /^tap: (a (request passed unrecorded|record has no block hashes): |.* and a replay assumes )/.test(
          problem,
        ),
    ),
    "no record is lost": (state.lost ?? 0) === 0,
  },
);
