// Writes a trace of any length line by line: five turns a session over 64 shared prefixes, blocks of 512 tokens.
import { closeSync, openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { draws } from "./yardstick.mjs";

/** Sessions under way at a time: how far apart the turns of one session are in the file. */
const underWay = 1_000;

export function writeLargeTrace(path, requests) {
  const file = openSync(path, "w");
  const next = draws(3);
  const hash = () =>
    (BigInt(Math.floor(next() * 2 ** 32)) * 4294967296n + BigInt(Math.floor(next() * 2 ** 32))).toString();
  const prefixes = Array.from({ length: 64 }, () => Array.from({ length: 4 }, hash));
  const sessions = [];
  let started = 0;
  let text = '{"meta": {"block_size": 512, "source": "synthetic"}}\n';
  for (let i = 0; i < requests; i++) {
    const place = i % underWay;
    let session = sessions[place];
    if (!session || session.turn === 5) {
      session = { turn: 0, hashes: [...prefixes[started++ % 64]] };
      sessions[place] = session;
    }
    session.turn++;
    session.hashes.push(hash(), hash());
    const tokens = 512 * session.hashes.length + 100;
    text +=
      `{"prompt_tokens": ${tokens}, "cached_tokens": ${512 * (session.hashes.length - 2)}, "output_tokens": 64, ` +
      `"ttft_ms": ${(30 - 40 * Math.log(next())).toFixed(3)}, ` +
      `"itl_summary": {"mean_ms": ${(8 + 3 * next()).toFixed(3)}, "count": 63}, ` +
      `"arrival_ms": ${(10 * i).toFixed(1)}, "block_hashes": [${session.hashes.join(", ")}], "finish_reason": "stop"}\n`;
    if (text.length < 1 << 20) continue;
    writeSync(file, text);
    text = "";
  }
  writeSync(file, text);
  closeSync(file);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeLargeTrace(process.argv[2], Number(process.argv[3]));
