// Writes agents.jsonl.gz: agents that start sub-agents, made by this project and served on a modeled H200. Every row says which
// session and agent sent it and what it waited for; nothing else in it does.
// Build first: npm run build. Then: node data/examples/make-agents.mjs
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { latencyProfile, readTrace, replay, stream, workloadOf, writeTrace } from "prefixlab";

const blockSize = 64;
const random = stream(1, "agents");
const between = (low, high) => low + random.integer(high - low + 1);
const pauseMs = (meanMs) => Math.round(-meanMs * Math.log(1 - random.uniform()));

/** What each kind of agent begins with: its tools and its system prompt. */
const kinds = {
  main: { prefix: 0, prefixTokens: 9600 },
  explorer: { prefix: 1, prefixTokens: 4160 },
  reviewer: { prefix: 2, prefixTokens: 2880 },
};

const rows = [];
let contents = 1000;

/** A conversation of one agent: each turn's prompt holds all before it, answers included. */
function conversation(session, agent, kind) {
  const { prefix, prefixTokens } = kinds[kind];
  const chain = Array.from({ length: prefixTokens / blockSize }, (_, at) => 1 + prefix * 300 + at);
  let [tokens, turn] = [prefixTokens, 0];
  return (newTokens, outputTokens, arrivalMs, parents) => {
    const promptTokens = tokens + newTokens;
    tokens = promptTokens + outputTokens;
    while (chain.length < Math.floor(tokens / blockSize)) chain.push(contents++);
    const promptBlocks = Math.floor(promptTokens / blockSize);
    const row = {
      prompt_tokens: promptTokens,
      output_tokens: outputTokens,
      arrival_ms: arrivalMs,
      block_hashes: chain.slice(0, promptBlocks),
      output_block_hashes: chain.slice(promptBlocks),
      request_id: `r${rows.length}`,
      session,
      ...(agent && { agent }),
      turn: ++turn,
      parents,
    };
    rows.push(row);
    return row;
  };
}

const edge = (row, kind, gapMs) => ({ request_id: row.request_id, kind, gap_ms: gapMs });

/** A sub-agent's turns, from the row that starts it. Returns its last one. */
function subAgent(session, name, kind, starter) {
  const next = conversation(session, name, kind);
  let row = next(between(100, 400), between(60, 200), starter.arrival_ms + 1, [
    edge(starter, "spawn", between(60, 400)),
  ]);
  for (let left = between(2, 6); left > 0; left--)
    row = next(between(200, 2400), between(40, 240), row.arrival_ms + 1, [edge(row, "turn", 300 + pauseMs(2500))]);
  return row;
}

let atMs = 0;
for (let s = 0; s < 10; s++) {
  const session = `user-${s}`;
  atMs += pauseMs(45_000);
  const next = conversation(session, undefined, "main");
  let row = next(between(200, 1200), between(80, 400), atMs, []);
  for (let left = between(5, 10); left > 0; left--) {
    const waits = [];
    let latestMs = row.arrival_ms;
    let inBackground = false;
    if (random.uniform() < 0.35) {
      inBackground = random.uniform() < 0.25;
      const started = between(1, 3);
      const kind = random.uniform() < 0.6 ? "explorer" : "reviewer";
      for (let k = 0; k < started; k++) {
        const last = subAgent(session, `${kind}-${s}-${left}-${k}`, kind, row);
        if (inBackground) continue;
        waits.push(edge(last, "join", between(80, 400)));
        latestMs = Math.max(latestMs, last.arrival_ms);
      }
    }
    const thinkMs = 400 + pauseMs(inBackground ? 3000 : 8000);
    row = next(between(150, 1800), between(60, 400), latestMs + 1, [
      edge(row, "turn", waits.length > 0 ? 0 : thinkMs),
      ...waits,
    ]);
  }
}

const folder = mkdtempSync(join(tmpdir(), "prefixlab-agents-"));
const planned = join(folder, "planned.jsonl");
const meta = { source: "planned", block_size: blockSize, engine_block_size: blockSize };
rows.sort((a, b) => a.arrival_ms - b.arrival_ms);
writeFileSync(planned, [{ meta }, ...rows].map((row) => JSON.stringify(row)).join("\n"));
const model = latencyProfile("h200-qwen3-8b");
const { trace } = replay(workloadOf(await readTrace(planned)), { model, pacing: "session", gaps: false });
rmSync(folder, { recursive: true });
const records = [...trace.records].sort((a, b) => a.arrivalMs - b.arrivalMs);
await writeTrace(join(dirname(fileURLToPath(import.meta.url)), "agents.jsonl.gz"), { ...trace, records });
console.log(`${trace.records.length} requests`);
