import { type RandomStream, stream } from "../../lib/base/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** What {@link randomTrace} may do besides growing chains. */
export interface RandomTraceOptions {
  readonly maxRequests: number;
  /** Times are drawn from this many values, so few of them make many ties. */
  readonly clockTicks: number;
}

const BLOCK_SIZE = 4;

/**
 * A small trace that nobody designed: chains leave earlier chains anywhere, end anywhere, repeat, carry answers or
 * not; times tie and overlap. Ids are chained as real hashes are: one id, one prefix.
 */
export function randomTrace(seed: number, options: RandomTraceOptions): Trace {
  const random = stream(seed, "random trace");
  const blocks = new BlockTable();
  const idByPrefix = new Map<string, number>();
  const chainIds = (symbols: readonly number[]) =>
    Int32Array.from(symbols, (_, d) => {
      const key = symbols.slice(0, d + 1).join("/");
      const id = idByPrefix.get(key) ?? blocks.internFresh();
      idByPrefix.set(key, id);
      return id;
    });
  const known: number[][] = [[]];
  const withLatencies = random.uniform() < 0.7;
  const hasTails = random.uniform() < 0.3;
  const records: TraceRecord[] = [];
  const count = 1 + random.integer(options.maxRequests);
  for (let i = 0; i < count; i++) {
    const base = known[random.integer(known.length)] as number[];
    const kept = random.uniform() < 0.5 ? base.length : random.integer(base.length + 1);
    const prompt = [...base.slice(0, kept), ...symbols(random, random.integer(4))];
    const answer = random.uniform() < 0.3 ? symbols(random, random.integer(3)) : [];
    const full = chainIds([...prompt, ...answer]);
    known.push(prompt, [...prompt, ...answer]);
    const recordsAnswer = random.uniform() < 0.5;
    const outputTokens = recordsAnswer
      ? answer.length * BLOCK_SIZE + random.integer(BLOCK_SIZE)
      : random.integer(10);
    const tail = random.integer(BLOCK_SIZE);
    const failed = random.uniform() < 0.15;
    records.push({
      promptTokens: prompt.length * BLOCK_SIZE + tail,
      outputTokens,
      arrivalMs: random.integer(options.clockTicks),
      blockIds: full.slice(0, prompt.length),
      ...(recordsAnswer ? { outputBlockIds: full.slice(prompt.length) } : {}),
      ...(hasTails && tail > 0 ? { tailBlockId: chainIds([...prompt, -tail])[prompt.length] as number } : {}),
      ...(failed ? { finishReason: "error", elapsedMs: random.integer(5) } : {}),
      ...(withLatencies
        ? {
            ttftMs: random.integer(5),
            itlSummary: { meanMs: random.uniform(), count: Math.max(0, outputTokens - 1) },
          }
        : {}),
    });
  }
  records.sort((a, b) => (a.arrivalMs as number) - (b.arrivalMs as number));
  return { meta: { blockSize: BLOCK_SIZE, extra: {} }, records, blocks, rejected: [], warnings: [] };
}

function symbols(random: RandomStream, count: number): number[] {
  return Array.from({ length: count }, () => random.integer(3));
}
