// What the tap adds: the same load on the same paced upstream, straight and through the tap, in turns. Upstream, tap
// and client are three processes, so two busy cores add to the tap their own scheduling: run it on an idle machine, or
// ahead of what else runs (`chrt -r 10 node test/bench/tap.bench.mjs`). Reads the built library.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startUpstream } from "./start-upstream.mjs";
import { aimed, below } from "./yardstick.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Long prompts, about 13 requests in flight; and 200 requests a second, about 34 in flight. 10 ms a step. */
const shapes = [
  { streams: 16, everyMs: 75, promptTokens: 11_000, outputTokens: 128 },
  { streams: 600, everyMs: 5, promptTokens: 512, outputTokens: 16 },
];
const ROUNDS = 5;

const quantile = (values, p) => values[Math.min(values.length - 1, Math.floor(p * values.length))];

/** One request; resolves to the delay of each of its chunks in ms, from the upstream's write to this read. */
function stream(url, agent, body) {
  return new Promise((resolve, reject) => {
    const delays = [];
    const sent = request(`${url}/v1/completions`, { method: "POST", agent }, (response) => {
      response.on("data", (bytes) => {
        const readNs = process.hrtime.bigint();
        for (const [, sentNs] of bytes.toString("latin1").matchAll(/"sent":"(\d+)"/g))
          delays.push(Number(readNs - BigInt(sentNs)) / 1e6);
      });
      response.on("end", () => resolve(delays));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** All streams once, one beginning every `everyMs`. */
async function round(url, agent, bodies, everyMs) {
  const started = performance.now();
  const streams = bodies.map(async (body, i) => {
    await new Promise((resolve) => setTimeout(resolve, everyMs * i));
    return stream(url, agent, body);
  });
  const delays = (await Promise.all(streams)).flat().sort((a, b) => a - b);
  return { delays, seconds: (performance.now() - started) / 1000 };
}

/** Straight and tapped rounds in turns, after one of each that is not counted. */
async function sideBySide(straightUrl, tapUrl, { streams, everyMs, promptTokens, outputTokens }) {
  const agent = new Agent({ keepAlive: true });
  const sides = { straight: [], tapped: [] };
  for (let i = 0; i <= ROUNDS; i++) {
    for (const [side, url] of [
      ["straight", straightUrl],
      ["tapped", tapUrl],
    ]) {
      const bodies = Array.from({ length: streams }, (_, s) => {
        const prompt = Array.from({ length: promptTokens }, (_, t) => (t * 31 + s * 7 + i) % 50_000);
        return JSON.stringify({ model: "m", prompt, max_tokens: outputTokens, stream: true });
      });
      const result = await round(url, agent, bodies, everyMs);
      if (i > 0) sides[side].push(result);
    }
  }
  agent.destroy();
  return sides;
}

async function startTap(upstream) {
  const directory = mkdtempSync(join(tmpdir(), "prefixlab-bench-"));
  const args = [
    "tap",
    "--listen",
    "127.0.0.1:0",
    "--upstream",
    upstream,
    "--trace-out",
    join(directory, "t.jsonl"),
  ];
  const child = spawn(process.execPath, [here("../../dist/cli/main.js"), ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = await new Promise((resolve) => {
    child.stderr.on("data", (text) => {
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(String(text));
      if (found) resolve(found[0]);
    });
  });
  const stop = () => {
    child.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  return { url, stop };
}

/** The tap's cost in latency and throughput beside the bare upstream: medians over rounds that alternate. */
export async function bench() {
  const upstream = await startUpstream();
  const tap = await startTap(upstream.url);
  try {
    const results = [];
    for (const shape of shapes) results.push(...(await benchShape(upstream.url, tap.url, shape)));
    return results;
  } finally {
    tap.stop();
    upstream.stop();
  }
}

async function benchShape(upstreamUrl, tapUrl, shape) {
  const sides = await sideBySide(upstreamUrl, tapUrl, shape);
  const median = (values) =>
    quantile(
      [...values].sort((a, b) => a - b),
      0.5,
    );
  const atP = (side, p) => sides[side].map((result) => quantile(result.delays, p));
  // The two sides of a round ran within seconds of each other, so their difference is free of slow drifts.
  const added = (p) => median(atP("tapped", p).map((ms, i) => ms - atP("straight", p)[i]));
  const rate = (side) => median(sides[side].map((result) => result.delays.length / result.seconds));
  const { streams, everyMs, promptTokens, outputTokens } = shape;
  const name = `tap, ${streams} streams, one every ${everyMs} ms, of ${outputTokens} tokens on ${promptTokens}-token prompts`;
  return [
    {
      case: `${name}: added chunk latency, p99`,
      unit: "ms",
      value: added(0.99),
      ...aimed(below(1), added(0.99)),
      p50Ms: added(0.5),
      straightP99Ms: median(atP("straight", 0.99)),
      tappedP99Ms: median(atP("tapped", 0.99)),
      rounds: ROUNDS,
    },
    {
      case: `${name}: throughput lost`,
      unit: "fraction",
      value: 1 - rate("tapped") / rate("straight"),
      ...aimed(below(0.01), 1 - rate("tapped") / rate("straight")),
      straightTokensPerSecond: rate("straight"),
      tappedTokensPerSecond: rate("tapped"),
    },
  ];
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(JSON.stringify(await bench(), null, 2));
