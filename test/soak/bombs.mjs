// Bodies that cost a recorder more than they cost their sender, and connections that do nothing, beside good streams
// through the tap: no good stream is broken or unrecorded, and memory stays within bounds.
//
//   node test/soak/bombs.mjs [--good 200] [--bombs 20] [--idle 2000] [--limit-mib 200]
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { readTrace } from "../../dist/trace/files/index.js";
import { report } from "./child-server.mjs";
import { memoryOf, pacedUpstream, tapCommand } from "./tap-process.mjs";

const { values } = parseArgs({
  options: {
    good: { type: "string", default: "200" },
    bombs: { type: "string", default: "20" },
    idle: { type: "string", default: "2000" },
    "limit-mib": { type: "string", default: "200" },
  },
});
const MIB = 2 ** 20;
const TOKENS = 50;
const goodCount = Number(values.good);

/** Bodies by kind: small ones that inflate, ones with millions of values or levels, and ones that are just large. */
const kinds = [
  { encoding: "gzip", body: gzipSync(`{"model":"m","prompt":[${'"a",'.repeat(20_000_000)}"a"]}`) },
  { encoding: "gzip", body: gzipSync(Buffer.alloc(200 * MIB, "[")) },
  { encoding: "gzip", body: gzipSync(`{"model":"m","prompt":"${"a".repeat(30 * MIB)}"}`) },
  { body: Buffer.from(`{"model":"m","prompt":"${"a".repeat(60 * MIB)}"}`) },
  { body: Buffer.from(`{"model":"m","prompt":[${"1,".repeat(4_000_000)}1]}`) },
  { body: Buffer.from(`{"model":"m","x":[${"{},".repeat(2_000_000)}{}],"prompt":"a"}`) },
  { body: Buffer.from("[".repeat(8 * MIB)) },
];

const directory = mkdtempSync(join(tmpdir(), "prefixlab-bombs-"));
const traceOut = join(directory, "tap.jsonl");
const upstream = await pacedUpstream({ tokens: TOKENS, gapMs: 20 });
const tap = await tapCommand(upstream.url, traceOut);
const port = Number(new URL(tap.url).port);
const agent = new Agent({ keepAlive: true });

/** Posts a body; resolves to the tokens of the answer, -1 when it breaks. */
function post(body, encoding) {
  return new Promise((resolve) => {
    const headers = encoding === undefined ? {} : { "content-encoding": encoding };
    const sent = request(`${tap.url}/v1/completions`, { method: "POST", agent, headers }, (response) => {
      let tokens = 0;
      response.on("data", (bytes) => {
        tokens += bytes.toString("latin1").split('"text"').length - 1;
      });
      response.on("end", () => resolve(tokens));
      response.on("error", () => resolve(-1));
    });
    sent.on("error", () => resolve(-1));
    sent.end(body);
  });
}

const good = (i) => post(JSON.stringify({ model: "good", prompt: `${i} `.repeat(2000), stream: true }));
// As many connections at once as later, so that their own memory is not counted as the bombs'.
await Promise.all(Array.from({ length: goodCount }, (_, i) => good(i)));
const before = memoryOf(tap.child.pid).now;
const idle = Array.from({ length: Number(values.idle) }, () =>
  connect(port, "127.0.0.1").on("error", () => {}),
);
const bombs = Array.from({ length: Number(values.bombs) }, async (_, i) => {
  await new Promise((resolve) => setTimeout(resolve, 20 * i));
  const { body, encoding } = kinds[i % kinds.length];
  return post(body, encoding);
});
const streams = Array.from({ length: goodCount }, (_, i) => good(1000 + i));
let peak = before;
const watch = setInterval(() => {
  peak = Math.max(peak, memoryOf(tap.child.pid).now);
}, 50);
const tokens = await Promise.all(streams);
const bombTokens = await Promise.all(bombs);
const after = await good(9999);
clearInterval(watch);
const stoppedAtMs = performance.now();
tap.child.kill("SIGINT");
for (const socket of idle) socket.on("close", () => {});
const code = await tap.exited;
const stopSeconds = (performance.now() - stoppedAtMs) / 1000;
for (const socket of idle) socket.destroy();
agent.destroy();
upstream.close();
const { records } = await readTrace(traceOut);
const goodRecords = records.filter(({ promptTokens }) => promptTokens < 100_000).length;
rmSync(directory, { recursive: true });
report(
  {
    good: goodCount,
    bombs: bombTokens.length,
    idle: idle.length,
    grownMiB: Math.round((peak - before) / MIB),
    beforeMiB: Math.round(before / MIB),
    records: records.length,
    goodRecords,
    stopSeconds,
    said: tap.said().split("\n").slice(2),
  },
  {
    "no good stream is broken": tokens.every((count) => count === TOKENS) && after === TOKENS,
    "no bomb is kept from the upstream": bombTokens.every((count) => count === TOKENS),
    "every good stream is recorded": goodRecords >= 2 * goodCount + 1,
    "memory stays within the limit": peak - before <= Number(values["limit-mib"]) * MIB,
    "Ctrl-C ends it within seconds": stopSeconds < 20 && code === 0,
  },
);
process.exit();
