import { emptyStepLoad, priceStep, type StepCoefficients, type StepLoad } from "../../lib/latency/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** A request of the simulator. */
export interface SimulatedRequest {
  readonly arrivalMs: number;
  readonly promptTokens: number;
  readonly cachedTokens?: number;
  readonly outputTokens: number;
}

/** What the simulator runs. */
export interface Simulation {
  readonly requests: readonly SimulatedRequest[];
  readonly prices: StepCoefficients;
  readonly maxNumBatchedTokens: number;
  /** Client to engine, ms, of a request with this prompt. */
  readonly arrivalOverheadMs?: (promptTokens: number) => number;
  /** Engine to client, ms, drawn once a request. */
  readonly emissionOverheadMs?: () => number;
  /** Observed over priced duration of a step. */
  readonly noise?: () => number;
  /** What the client's clock adds to each token, ms. */
  readonly jitterMs?: () => number;
}

/** Prices of an engine that resembles a small model on a processor. */
export const somePrices: StepCoefficients = {
  stepMs: 6,
  prefillTokenMs: 0.12,
  prefillTokenDepthMs: 2e-5,
  prefillSeqMs: 0.8,
  decodeSeqMs: 0.4,
  decodeContextTokenMs: 3e-4,
};

/** Prices of an engine whose steps cost nothing. */
export const freePrices: StepCoefficients = {
  stepMs: 0,
  prefillTokenMs: 0,
  prefillTokenDepthMs: 0,
  prefillSeqMs: 0,
  decodeSeqMs: 0,
  decodeContextTokenMs: 0,
};

/** A continuous-batching engine in its most obvious form: one loop, one step a turn, every request looked at. */
export function simulateSteps(simulation: Simulation): {
  trace: Trace;
  loads: StepLoad[];
  /** Per step, when it ended and how many tokens it emitted. */
  ends: { readonly ms: number; readonly emitted: number }[];
} {
  const { requests, prices, maxNumBatchedTokens } = simulation;
  const states = requests.map((request) => ({
    request,
    readyMs: request.arrivalMs + (simulation.arrivalOverheadMs?.(request.promptTokens) ?? 0),
    emissionMs: simulation.emissionOverheadMs?.() ?? 0,
    computed: request.cachedTokens ?? 0,
    tokenMs: [] as number[],
  }));
  const queue = [...states].sort((a, b) => a.readyMs - b.readyMs);
  const isDone = (state: (typeof states)[number]) => state.tokenMs.length >= state.request.outputTokens;
  const loads: StepLoad[] = [];
  const ends: { ms: number; emitted: number }[] = [];
  let nowMs = 0;
  while (queue.some((state) => !isDone(state))) {
    const present = queue.filter((state) => !isDone(state) && state.readyMs <= nowMs);
    if (present.length === 0) {
      nowMs = Math.min(...queue.filter((state) => !isDone(state)).map((state) => state.readyMs));
      continue;
    }
    const load = emptyStepLoad();
    const emitting = present.filter((state) => state.tokenMs.length > 0);
    for (const state of emitting) {
      load.decodeSeqs++;
      load.decodeContextTokens += state.request.promptTokens + state.tokenMs.length;
    }
    let budget = maxNumBatchedTokens - emitting.length;
    for (const state of present.filter((candidate) => candidate.tokenMs.length === 0)) {
      const tokens = Math.min(budget, state.request.promptTokens - state.computed);
      if (tokens <= 0) break;
      const end = state.computed + tokens;
      load.prefillTokens += tokens;
      load.prefillTokenDepth += (end ** 2 - state.computed ** 2) / 2;
      load.prefillSeqs++;
      state.computed = end;
      budget -= tokens;
      if (end === state.request.promptTokens) emitting.push(state);
    }
    nowMs += priceStep(prices, load) * (simulation.noise?.() ?? 1);
    for (const state of emitting)
      state.tokenMs.push(nowMs + state.emissionMs + (simulation.jitterMs?.() ?? 0));
    loads.push(load);
    ends.push({ ms: nowMs, emitted: emitting.length });
  }
  const records: TraceRecord[] = states.map(({ request, tokenMs }) => ({
    promptTokens: request.promptTokens,
    cachedTokens: request.cachedTokens ?? 0,
    outputTokens: request.outputTokens,
    arrivalMs: request.arrivalMs,
    ttftMs: tokenMs[0]! - request.arrivalMs,
    itlMs: Float64Array.from({ length: tokenMs.length - 1 }, (_, k) => tokenMs[k + 1]! - tokenMs[k]!),
    finishReason: "length",
  }));
  return { trace: traceOf(records, maxNumBatchedTokens), loads, ends };
}

/** A trace of these records, with nothing else known. */
export function traceOf(records: readonly TraceRecord[], maxNumBatchedTokens?: number): Trace {
  return {
    meta: { extra: {}, ...(maxNumBatchedTokens !== undefined && { engine: { maxNumBatchedTokens } }) },
    records: [...records].sort((a, b) => (a.arrivalMs ?? 0) - (b.arrivalMs ?? 0)),
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

/**
 * A sweep like a good fitting capture: isolated requests of many sizes, cold and warm, then groups that decode
 * together while further prompts arrive.
 */
export function fittingSweep(): SimulatedRequest[] {
  const requests: SimulatedRequest[] = [];
  let nowMs = 0;
  for (let round = 0; round < 4; round++) {
    for (const promptTokens of [40, 150, 400, 900, 1800, 3500]) {
      for (const cached of [0, 0.5, 0.9]) {
        const cachedTokens = Math.floor((promptTokens * cached) / 16) * 16;
        requests.push({
          arrivalMs: nowMs,
          promptTokens: promptTokens + round * 7,
          cachedTokens,
          outputTokens: 12,
        });
        nowMs += 1500;
      }
    }
    for (const group of [2, 4, 8]) {
      for (let i = 0; i < group; i++)
        requests.push({
          arrivalMs: nowMs + i * 37,
          promptTokens: 200 + ((i * 331 + round * 97) % 900),
          outputTokens: 60,
        });
      for (let i = 0; i < 3; i++)
        requests.push({
          arrivalMs: nowMs + 700 + i * 130,
          promptTokens: 300 + i * 450 + round * 31,
          cachedTokens: i === 1 ? 160 : 0,
          outputTokens: 20,
        });
      nowMs += 6000;
    }
  }
  return requests;
}
