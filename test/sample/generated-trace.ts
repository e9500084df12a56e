import { stream } from "../../lib/base/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** A workload to sample from. */
export interface GeneratedOptions {
  readonly sessions: number;
  readonly seed: number;
  /** Shared prefixes, each of four blocks, drawn alike. Default 1. */
  readonly prefixCount?: number;
  /** One session in so many starts a sub-agent and joins it. Default: none. */
  readonly spawnEvery?: number;
}

/**
 * Sessions that arrive as a Poisson process, of one to eight turns with exponential lengths and pauses, over shared
 * prefixes. Records name their session, their request id and their parents. Blocks of 16 tokens.
 */
export function generatedTrace(options: GeneratedOptions): Trace {
  const { sessions, seed, prefixCount = 1, spawnEvery = 0 } = options;
  const draws = stream(seed, "generated trace");
  const blocks = new BlockTable();
  let nextHash = 1;
  const fresh = (): number => blocks.intern(nextHash * 40503, nextHash++ * 2654435761);
  const prefixes = Array.from({ length: prefixCount }, () => Array.from({ length: 4 }, fresh));
  const records: TraceRecord[] = [];
  let startMs = 0;
  for (let s = 0; s < sessions; s++) {
    startMs += draws.exponential(500);
    const chain = [...prefixes[draws.integer(prefixCount)]];
    const turns = 1 + draws.integer(8);
    let arrivalMs = startMs;
    let promptTokens = 64;
    let before: TraceRecord["parents"] = [];
    for (let turn = 1; turn <= turns; turn++) {
      promptTokens += 1 + Math.round(draws.exponential(60));
      while (chain.length < Math.floor(promptTokens / 16)) chain.push(fresh());
      const outputTokens = 1 + Math.round(draws.exponential(30));
      const requestId = `r${s}-${turn}`;
      records.push({
        promptTokens,
        outputTokens,
        arrivalMs,
        ttftMs: 50,
        itlSummary: { meanMs: 10, count: outputTokens - 1 },
        blockIds: Int32Array.from(chain),
        finishReason: "stop",
        requestId,
        session: `s${s}`,
        sessionSource: "client",
        parents: before,
        messages: [{ role: "user", tokens: promptTokens }],
        messagesBy: "tokens",
      });
      before = [{ requestId, kind: "turn" }];
      const endMs = arrivalMs + 50 + 10 * outputTokens;
      arrivalMs = endMs + draws.exponential(8000);
      if (spawnEvery > 0 && s % spawnEvery === 0 && turn === 1) {
        const own = Array.from({ length: 3 }, fresh);
        const sub = `${requestId}-sub`;
        records.push({
          promptTokens: 50,
          outputTokens: 8,
          arrivalMs: endMs + 5,
          ttftMs: 40,
          blockIds: Int32Array.from(own),
          requestId: sub,
          session: `s${s}/sub`,
          agent: "helper",
          parents: [{ requestId, kind: "spawn" }],
        });
        before = [
          { requestId, kind: "turn" },
          { requestId: sub, kind: "join" },
        ];
      }
      promptTokens += outputTokens;
    }
  }
  records.sort((a, b) => (a.arrivalMs as number) - (b.arrivalMs as number));
  return { meta: { blockSize: 16, source: "test", extra: {} }, records, blocks, rejected: [], warnings: [] };
}
