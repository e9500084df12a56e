import { stream } from "../../lib/base/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** A closed-loop multi-turn workload on shared prefixes, drawn without an engine: latencies are drawn too. */
export interface MultiturnOptions {
  readonly seed: number;
  readonly sessions: number;
  readonly turns: number;
  readonly prefixCount: number;
  readonly prefixTokens: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly ratePerSecond: number;
  readonly thinkMs: number;
  readonly ttftMs: number;
  readonly blockSize?: number;
  /** Record the blocks of the answers, as a tap that tokenizes them does. */
  readonly recordAnswers?: boolean;
  /** Leave latencies out, as public traces do. */
  readonly withoutLatencies?: boolean;
}

/** The trace of such a workload; every record names its session and turn. */
export function multiturnTrace(options: MultiturnOptions): Trace {
  const { blockSize = 16, sessions, turns, prefixCount } = options;
  const random = stream(options.seed, "multiturn");
  const prefixes = Array.from({ length: prefixCount }, (_, p) =>
    Array.from({ length: options.prefixTokens }, (_, t) => -1 - (p * options.prefixTokens + t)),
  );
  const blocks = new BlockTable();
  const hashes = new Map<string, number>();
  const records: TraceRecord[] = [];
  let nextToken = 0;
  const fresh = (mean: number) =>
    Array.from({ length: Math.max(1, Math.round(mean * (0.5 + random.uniform()))) }, () => nextToken++);
  let startMs = 0;
  for (let s = 0; s < sessions; s++) {
    startMs += random.exponential(1000 / options.ratePerSecond);
    let arrivalMs = startMs;
    let context = [...(prefixes[s % prefixCount] ?? [])];
    for (let turn = 1; turn <= turns; turn++) {
      context = [...context, ...fresh(options.promptTokens)];
      const answer = fresh(options.outputTokens);
      const full = chainOf([...context, ...answer], blockSize, hashes, blocks);
      const own = Math.floor(context.length / blockSize);
      const ttftMs = options.ttftMs * (0.5 + random.uniform());
      const meanMs = 8 + 4 * random.uniform();
      records.push({
        promptTokens: context.length,
        outputTokens: answer.length,
        arrivalMs,
        blockIds: full.slice(0, own),
        ...(options.recordAnswers ? { outputBlockIds: full.slice(own) } : {}),
        ...(options.withoutLatencies ? {} : { ttftMs, itlSummary: { meanMs, count: answer.length - 1 } }),
        finishReason: "length",
        session: `session-${s}`,
        turn,
      });
      context = [...context, ...answer];
      arrivalMs += ttftMs + meanMs * (answer.length - 1) + random.exponential(options.thinkMs);
    }
  }
  records.sort((a, b) => (a.arrivalMs as number) - (b.arrivalMs as number));
  return { meta: { blockSize, extra: {} }, records, blocks, rejected: [], warnings: [] };
}

/** Chained ids of a token list's full blocks: equal ids, equal prefixes. */
function chainOf(
  tokens: number[],
  blockSize: number,
  hashes: Map<string, number>,
  blocks: BlockTable,
): Int32Array {
  const chain = new Int32Array(Math.floor(tokens.length / blockSize));
  let before = -1;
  for (let d = 0; d < chain.length; d++) {
    const key = `${before}:${tokens.slice(d * blockSize, (d + 1) * blockSize).join(",")}`;
    const id =
      hashes.get(key) ??
      blocks.internBigInt((BigInt(hashes.size) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn);
    hashes.set(key, id);
    chain[d] = id;
    before = id;
  }
  return chain;
}
