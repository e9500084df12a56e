// Writes mooncake-style.jsonl: a small trace in the format of the public Mooncake traces, made by this project.
// Three kinds of clients with a prefix each, served on a modeled H200 so that later turns arrive when they would.
// Build first: npm run build. Then: node data/examples/make-mooncake-style.mjs
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportTrace, latencyProfile, planSessions, simulateSessions } from "prefixlab";

const kinds = [
  { sessions: 40, turns: 4, promptTokens: 700, outputTokens: 300, thinkTimeMs: 20_000, ratePerSecond: 0.15 },
  { sessions: 12, turns: 8, promptTokens: 1500, outputTokens: 150, thinkTimeMs: 3_000, ratePerSecond: 0.05 },
  { sessions: 60, turns: 1, promptTokens: 2600, outputTokens: 80, thinkTimeMs: 0, ratePerSecond: 0.25 },
];
const sessions = kinds.flatMap((kind, prefix) =>
  planSessions({ ...kind, prefixCount: 1, seed: prefix + 1 }).map((session) => ({
    ...session,
    session: `${prefix}-${session.session}`,
    prefix,
  })),
);
const { trace } = simulateSessions({ sessions, prefixTokens: 3000, model: latencyProfile("h200-qwen3-8b") });
await exportTrace("mooncake", trace, join(dirname(fileURLToPath(import.meta.url)), "mooncake-style.jsonl"));
