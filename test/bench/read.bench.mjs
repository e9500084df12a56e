// Reading a trace of 500 MB against JSON.parse on the same lines.

import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTraceRows } from "prefixlab/trace/files";
import { atLeast, draws, medianSecondsAsync, result } from "./yardstick.mjs";

const fileBytes = 500_000_000;
const next = draws(11);

/** Gaps with the digits that a clock gives, and chained hashes of 64 bits: what a tap writes. */
function line(session, turn, arrivalMs, prefix, own) {
  const hashes = [...prefix, ...own.slice(0, 8 * turn)];
  const gaps = Array.from({ length: 127 }, () => (7 + 4 * next()).toFixed(3));
  const ttftMs = (30 + 50 * next()).toFixed(3);
  return (
    `{"prompt_tokens": ${16 * hashes.length + 5}, "cached_tokens": ${16 * prefix.length}, "output_tokens": 128, ` +
    `"ttft_ms": ${ttftMs}, "itl_ms": [${gaps.join(", ")}], "concurrency": ${1 + (session % 13)}, ` +
    `"arrival_ms": ${arrivalMs.toFixed(3)}, "block_hashes": [${hashes.join(", ")}], "finish_reason": "length", ` +
    `"session": "s${session}", "turn": ${turn}}\n`
  );
}

const hash = () => (BigInt(Math.floor(next() * 2 ** 32)) << 32n) | BigInt(Math.floor(next() * 2 ** 32));

async function writeFile(path) {
  const out = createWriteStream(path);
  const prefixes = [0, 1].map(() => Array.from({ length: 40 }, hash));
  out.write('{"meta": {"block_size": 16, "source": "tap"}}\n');
  let bytes = 0;
  for (let session = 0; bytes < fileBytes; session++) {
    const own = Array.from({ length: 40 }, hash);
    let text = "";
    for (let turn = 1; turn <= 5; turn++)
      text += line(session, turn, 1000 * (session + turn / 6), prefixes[session % 2], own);
    bytes += text.length;
    if (!out.write(text)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  return bytes;
}

async function readAll(path) {
  const rows = readTraceRows(path);
  let tokens = 0;
  for await (const record of rows) tokens += record.outputTokens;
  return tokens;
}

/** The same lines through JSON.parse alone: read in the same chunks, cut at line ends, decoded, parsed. */
async function parseAll(path) {
  let rest = Buffer.alloc(0);
  let tokens = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      tokens += JSON.parse(bytes.toString("latin1", start, end)).output_tokens ?? 0;
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  return tokens;
}

export async function bench() {
  const folder = mkdtempSync(join(tmpdir(), "prefixlab-bench-"));
  try {
    const path = join(folder, "trace.jsonl");
    const bytes = await writeFile(path);
    const seconds = await medianSecondsAsync(() => readAll(path), 3);
    const yardstickSeconds = await medianSecondsAsync(() => parseAll(path), 3);
    return [
      result({
        name: `read a trace of ${Math.round(bytes / 1e6)} MB`,
        value: yardstickSeconds / seconds,
        unit: "of the speed of JSON.parse",
        aim: atLeast(0.7),
        seconds,
        yardstick: "JSON.parse of the same lines",
        yardstickSeconds,
        megabytesPerSecond: bytes / 1e6 / seconds,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
