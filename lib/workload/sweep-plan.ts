import { InputError, type Ms, requireInteger, stream, type Tokens } from "../base/index.js";

/** When a request of a stage is sent: a gap after the stage began, or after an event of an earlier one in the stage. */
export interface SweepStart {
  readonly after: "stage" | "firstToken" | "end";
  /** Index in the stage of the request whose event is waited for; ignored for "stage". */
  readonly of: number;
  readonly gapMs: Ms;
}

/** One request of a sweep: `prefixTokens` of one of the sweep's prefixes, then `newTokens` of its own. */
export interface SweepRequest {
  /** Which prefix, from 0. Sequences that decode together have one each: KV that they shared would be read once. */
  readonly prefix: number;
  readonly prefixTokens: Tokens;
  readonly newTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly start: SweepStart;
}

/** Requests that run together. A stage begins when the one before has ended and the server is idle. */
export interface SweepStage {
  readonly name: string;
  readonly requests: readonly SweepRequest[];
}

/** Sizes of a fitting sweep. */
export interface SweepOptions {
  /** The longest prompt: that of the scenario that the fit will predict. At least 128. */
  readonly maxPromptTokens: Tokens;
  /** Decode length of the concurrent stages. */
  readonly outputTokens: Tokens;
  /** Concurrency levels of the decode stages, e.g. 1, 2, 4, 8, 16. */
  readonly levels: readonly number[];
  /** How often each isolated size is measured. */
  readonly repeats: number;
  readonly seed: number | string;
}

const SMALLEST_PROMPT_TOKENS = 64;
/** Enough output behind an isolated prefill to see clean decode gaps at its context. */
const SHORT_OUTPUT_TOKENS = 6;
/** From the background's first token, or the end of a prefill, to the next prefill: some clean decode steps. */
const PREFILL_GAP_MS = 60;

/**
 * A sweep to fit a latency model on: every cost on its own, at low load, so that no waiting hides in a latency.
 *
 * 1. cold: isolated prompts nobody has seen, from 64 tokens to the longest;
 * 2. cached: isolated prompts that begin with part of a shared prefix, over depths and uncached sizes;
 * 3. decode: a level's requests at once with staggered output lengths, each on a cached context of its own, short or
 *    long, so that the number of running sequences falls step by step;
 * 4. stall: prefills of several sizes, one at a time, while a few sequences decode.
 *
 * The isolated stages come in an order drawn from `stream(seed, "sweep order")`: a machine that slows down during the
 * sweep must not look like a cost of size.
 * @throws InputError when a size or count is out of range
 * @example
 * ```ts
 * import { planSweep } from "prefixlab/workload";
 * const stages = planSweep({ maxPromptTokens: 2048, outputTokens: 64, levels: [1, 2, 4], repeats: 2, seed: 1 });
 * stages.at(-1)?.name; // → "stall x4 by 2048"
 * ```
 */
export function planSweep(options: SweepOptions): SweepStage[] {
  const max = requireInteger(
    "planSweep",
    "maxPromptTokens",
    options.maxPromptTokens,
    2 * SMALLEST_PROMPT_TOKENS,
  );
  requireInteger("planSweep", "outputTokens", options.outputTokens, 2);
  requireInteger("planSweep", "repeats", options.repeats, 1);
  if (options.levels.length === 0) throw new InputError("planSweep: needs at least one level");
  for (const level of options.levels) requireInteger("planSweep", "levels", level, 1);
  const prefixes = Math.max(...options.levels);
  const fill = Array.from({ length: prefixes }, (_, prefix) =>
    stageOf("fill prefix", [{ ...isolated(max, 0), prefix }]),
  );
  const alone = [...coldStages(max), ...cachedStages(max)];
  const repeated = Array.from({ length: options.repeats }, () => alone).flat();
  return [
    ...fill,
    ...shuffled(repeated, options.seed),
    ...decodeStages(max, options),
    ...stallStages(max, options),
  ];
}

/**
 * Sizes from `low` to `high`, each about `factor` times the one before, both ends included.
 * @example
 * ```ts
 * import { geometricSizes } from "prefixlab/workload";
 * geometricSizes(64, 1024, 2); // → [64, 128, 256, 512, 1024]
 * ```
 */
export function geometricSizes(low: Tokens, high: Tokens, factor: number): Tokens[] {
  const steps = Math.max(1, Math.round(Math.log(high / low) / Math.log(factor)));
  const sizes = Array.from({ length: steps + 1 }, (_, i) => Math.round(low * (high / low) ** (i / steps)));
  return [...new Set(sizes)];
}

function coldStages(max: Tokens): SweepStage[] {
  return geometricSizes(SMALLEST_PROMPT_TOKENS, max, Math.SQRT2).map((size) =>
    stageOf(`cold ${size}`, [isolated(0, size)]),
  );
}

function cachedStages(max: Tokens): SweepStage[] {
  return [0.25, 0.5, 0.75, 1].flatMap((share) => {
    const depth = Math.floor((share * max) / 16) * 16;
    return geometricSizes(16, Math.max(32, max / 2), 3)
      .map((size) => Math.min(size, depth - 16))
      .filter((size, i, sizes) => size > 0 && sizes.indexOf(size) === i)
      .map((size) => {
        const prefix = Math.floor((depth - size) / 16) * 16;
        return stageOf(`cached ${prefix}+${size}`, [isolated(prefix, size)]);
      });
  });
}

function decodeStages(max: Tokens, { levels, outputTokens }: SweepOptions): SweepStage[] {
  return levels.flatMap((level) =>
    [0.1, 0.5, 0.9].map((share) => {
      const context = Math.floor((share * max) / 16) * 16;
      return stageOf(
        `decode x${level} at ${context}`,
        Array.from({ length: level }, (_, i) => ({
          prefix: i,
          prefixTokens: context,
          newTokens: 16,
          outputTokens: Math.max(2, Math.round(outputTokens * (0.5 + (0.5 * (i + 1)) / level))),
          start: atStart,
        })),
      );
    }),
  );
}

function stallStages(max: Tokens, { levels, outputTokens }: SweepOptions): SweepStage[] {
  const sizes = geometricSizes(SMALLEST_PROMPT_TOKENS, max, 2);
  return levels
    .filter((level) => level <= 8)
    .flatMap((level) =>
      sizes.map((size) => {
        const background = Array.from({ length: level }, (_, i) => ({
          prefix: i,
          prefixTokens: Math.floor(max / 32) * 16,
          newTokens: 16,
          outputTokens: 2 * outputTokens,
          start: atStart,
        }));
        const cold: SweepRequest = {
          ...isolated(0, size),
          start: { after: "firstToken", of: level - 1, gapMs: PREFILL_GAP_MS },
        };
        const deep: SweepRequest = {
          ...isolated(Math.floor(max / 32) * 16, Math.min(size, Math.floor(max / 2))),
          start: { after: "end", of: level, gapMs: PREFILL_GAP_MS },
        };
        return stageOf(`stall x${level} by ${size}`, [...background, cold, deep]);
      }),
    );
}

const atStart: SweepStart = { after: "stage", of: 0, gapMs: 0 };

function isolated(prefixTokens: Tokens, newTokens: Tokens): SweepRequest {
  return { prefix: 0, prefixTokens, newTokens, outputTokens: SHORT_OUTPUT_TOKENS, start: atStart };
}

function stageOf(name: string, requests: readonly SweepRequest[]): SweepStage {
  return { name, requests };
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], seed: number | string): T[] {
  const draws = stream(seed, "sweep order");
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = draws.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
