import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

export interface MultiturnShape {
  readonly sessions: number;
  readonly turns: number;
  readonly prefixTokens: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly thinkMs?: number;
  readonly betweenSessionsMs?: number;
}

/**
 * A capture as a load generator would record it on an engine that answers every request in 100 ms + 10 ms a token:
 * sessions of growing context over two shared prefixes, with the truth about sessions and turns.
 */
export function multiturnTrace(shape: MultiturnShape): { trace: Trace } {
  const {
    sessions,
    turns,
    prefixTokens,
    promptTokens,
    outputTokens,
    thinkMs = 500,
    betweenSessionsMs = 700,
  } = shape;
  const blocks = new BlockTable();
  const nodes = new Map<string, number>();
  const idAt = (session: number, block: number): number => {
    const owner = (block + 1) * 16 <= prefixTokens ? `prefix ${session % 2}` : `session ${session}`;
    const key = `${owner}/${block}`;
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const id = blocks.intern(nodes.size + 1, 7);
    nodes.set(key, id);
    return id;
  };
  const records: TraceRecord[] = [];
  for (let s = 0; s < sessions; s++) {
    let arrivalMs = 50 + s * betweenSessionsMs;
    let context = prefixTokens;
    for (let turn = 1; turn <= turns; turn++) {
      const prompt = context + promptTokens;
      const full = Math.floor(prompt / 16);
      const afterAnswer = Math.floor((prompt + outputTokens) / 16);
      const itlMs = new Float64Array(outputTokens - 1).fill(10);
      records.push({
        promptTokens: prompt,
        outputTokens,
        arrivalMs,
        ttftMs: 100,
        itlMs,
        blockIds: Int32Array.from({ length: full }, (_, b) => idAt(s, b)),
        outputBlockIds: Int32Array.from({ length: afterAnswer - full }, (_, b) => idAt(s, full + b)),
        finishReason: "length",
        session: `s${s}`,
        turn,
      });
      arrivalMs += 100 + 10 * (outputTokens - 1) + thinkMs;
      context = prompt + outputTokens;
    }
  }
  records.sort((a, b) => a.arrivalMs! - b.arrivalMs!);
  return { trace: { meta: { blockSize: 16, extra: {} }, records, blocks, rejected: [], warnings: [] } };
}
