// Hits at every cache size beside LMCache's own simulator (PyPI: lmcache 0.5.6), which runs once a size.
//
//   python3 -m venv VENV && VENV/bin/pip install --no-deps lmcache==0.5.6 && VENV/bin/pip install sortedcontainers
//   npm run build && node test/peers/lmcache.mjs VENV/bin/python TRACE
//
// TRACE has block hashes (import it first); its prompts are written as a lookup-hash log, which both read. Prints hits at
// 20 sizes of both, and the times of both without reading. Ends with status 1 where a size differs.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hitRateCurve } from "../../dist/cache/index.js";
import { importTrace, readTrace } from "../../dist/trace/files/index.js";

const [python, tracePath] = process.argv.slice(2);
if (!tracePath) {
  console.log("skipped: give a Python that has lmcache, and a trace with block hashes");
  process.exit(0);
}
const dir = mkdtempSync(join(tmpdir(), "prefixlab lmcache "));
process.on("exit", () => rmSync(dir, { recursive: true }));

const trace = await readTrace(tracePath);
const blockSize = trace.meta.blockSize ?? 16;
const log = join(dir, "lookup_hashes_0.jsonl");
writeFileSync(
  log,
  trace.records
    .map(({ arrivalMs = 0, promptTokens, blockIds = [] }, at) =>
      JSON.stringify({
        timestamp: arrivalMs / 1000,
        request_id: `r${at}`,
        model_name: "m",
        chunk_size: blockSize,
        seq_len: promptTokens,
        dtypes: ["bfloat16"],
        shapes: [[2, 1, blockSize, 1]],
        chunk_hashes: [...blockIds.slice(0, Math.floor(promptTokens / blockSize))].map(
          (id) => `0x${(id + 1).toString(16).padStart(16, "0")}`,
        ),
      }),
    )
    .join("\n"),
);

const { records } = await importTrace("lmcache", log);
const accesses = records.map(({ blockIds }) => ({ contentIds: blockIds, promptBlocks: blockIds.length }));
const startedMs = performance.now();
const curve = hitRateCurve(accesses, { mostRecentBlock: "last" });
const oursMs = performance.now() - startedMs;

const sizes = Array.from({ length: 20 }, (_, k) =>
  Math.max(1, Math.round(curve.saturationBlocks ** ((k + 1) / 20))),
);
const script = `
import json, sys, time
from pathlib import Path
from lmcache.tools.cache_simulator.simulator import load_lookup_events, simulate
events = load_lookup_events([Path(sys.argv[1])])
out = []
began = time.perf_counter()
for size in json.loads(sys.argv[2]):
    out.append(simulate(events, size, 1, fast=True)["total_hit_tokens"])
print(json.dumps({"hits": out, "ms": (time.perf_counter() - began) * 1000}))
`;
const peer = spawnSync(python, ["-c", script, log, JSON.stringify(sizes)], {
  encoding: "utf8",
  maxBuffer: 1 << 28,
});
if (peer.status !== 0) {
  console.log(`skipped: ${python} cannot run LMCache's simulator: ${peer.stderr.trim().split("\n").at(-1)}`);
  process.exit(0);
}
const theirs = JSON.parse(peer.stdout.trim().split("\n").at(-1));
let differing = 0;
sizes.forEach((size, k) => {
  const ours = curve.hits(size) * blockSize;
  if (ours !== theirs.hits[k]) differing++;
  console.log(
    `${String(size).padStart(9)} chunks: hit tokens ${ours}, LMCache ${theirs.hits[k]}${ours === theirs.hits[k] ? "" : "  DIFFERS"}`,
  );
});
console.log(
  `${records.length} requests: all ${curve.saturationBlocks} sizes in ${oursMs.toFixed(0)} ms; LMCache ${sizes.length} sizes in ${theirs.ms.toFixed(0)} ms: ${(theirs.ms / oursMs).toFixed(1)} times as long`,
);
process.exit(differing === 0 ? 0 : 1);
