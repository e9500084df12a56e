import fc from "fast-check";
import { type EngineRequest, engineOptions } from "../../lib/engine/index.js";

/** Prompts that share prefixes: a chain is a path in a random tree, its content ids the nodes on the path. */
function chain(choices: readonly number[], blocks: number, nodes: Map<string, number>): Int32Array {
  const ids = new Int32Array(blocks);
  let path = "";
  for (let i = 0; i < blocks; i++) {
    path += `/${choices[i % choices.length]}`;
    if (!nodes.has(path)) nodes.set(path, nodes.size);
    ids[i] = nodes.get(path) as number;
  }
  return ids;
}

/** Random requests, open and closed loop, and an engine with little of everything. */
export const workloads = fc
  .record({
    blockSize: fc.constantFrom(1, 2, 4, 16),
    pool: fc.integer({ min: 12, max: 60 }),
    maxNumSeqs: fc.integer({ min: 1, max: 8 }),
    maxNumBatchedTokens: fc.integer({ min: 8, max: 40 }),
    longPrefillTokenThreshold: fc.constantFrom(0, 0, 5),
    enablePrefixCaching: fc.boolean(),
    reserveFullPrompt: fc.boolean(),
    jobs: fc.array(
      fc.record({
        prompt: fc.integer({ min: 1, max: 60 }),
        output: fc.integer({ min: 1, max: 30 }),
        choices: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 6 }),
        fireAtMs: fc.integer({ min: 0, max: 300 }),
        follows: fc.option(fc.nat(20), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 24 },
    ),
  })
  .map((w) => {
    const nodes = new Map<string, number>();
    const limit = w.pool * w.blockSize;
    const requests: EngineRequest[] = w.jobs.map((job, index) => {
      const promptTokens = Math.min(job.prompt, limit - 1);
      const outputTokens = Math.min(job.output, limit - promptTokens);
      const contentIds = chain(job.choices, Math.floor((promptTokens + outputTokens) / w.blockSize), nodes);
      const parent = job.follows !== undefined && index > 0 ? job.follows % index : undefined;
      return parent === undefined
        ? { promptTokens, outputTokens, contentIds, fireAtMs: job.fireAtMs }
        : { promptTokens, outputTokens, contentIds, after: { parent, gapMs: 7 } };
    });
    const { jobs: _, pool, ...rest } = w;
    return { requests, options: engineOptions({ ...rest, kvCacheBlocks: pool }) };
  });

/** The same requests at times of which no two are equal: who comes first at one instant, of engines that share something, is not defined. */
export function withoutTies(requests: readonly EngineRequest[]): EngineRequest[] {
  return requests.map((request, i) => ({
    ...request,
    ...(request.fireAtMs !== undefined && { fireAtMs: request.fireAtMs + 0.013717 * i }),
    ...(request.after && { after: { ...request.after, gapMs: request.after.gapMs + 0.0073131 * i } }),
  }));
}
