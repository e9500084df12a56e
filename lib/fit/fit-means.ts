import { type Ms, quantile } from "../base/index.js";
import type { FitRange } from "../latency/index.js";
import type { TraceRecord } from "../trace/index.js";
import { fitPhysical, type PhysicalFit } from "./fit-physical.js";
import type { Observation } from "./observations.js";
import { scheduledMs } from "./scheduled-time.js";

/** Rounds after which tokens lie in steps as the prices say. */
const rounds = 4;

/**
 * Under steady load, sequences and their context rise together, and means cannot tell them apart. On the first halves
 * of two recorded runs of vLLM this much takes 30 % and 7 % off the squared residuals of the records fitted on.
 */
const ridge = 1e-4;

/**
 * Fits the physical model on observations of many steps each, a few times over: with the prices of one round, the
 * next knows better how many tokens fell into whose span. Whether the engine schedules a step ahead is not recorded:
 * both readings of "scheduled to first token" are fitted, and the one that fits better is kept.
 * @param observe the observations, given the fit of the round before
 */
export function fitMeans(
  observe: (earlier?: PhysicalFit) => readonly Observation[],
  range: FitRange,
  requestMs: Ms,
): PhysicalFit {
  const fitReading = (reading: (o: Observation) => Observation): PhysicalFit => {
    const options = { knownRequestMs: requestMs, ridge };
    let fit = fitPhysical(observe().map(reading), range, options);
    for (let round = 1; round < rounds; round++) fit = fitPhysical(observe(fit).map(reading), range, options);
    return fit;
  };
  const inStep = fitReading((o) => o);
  const ahead = fitReading(scheduledAhead);
  return serviceError(ahead) < serviceError(inStep) ? ahead : inStep;
}

/** The same observation of an engine that finishes a step of decodes before the scheduled one begins. */
function scheduledAhead(o: Observation): Observation {
  if (o.kind !== "service" || o.load.decodeSeqs === 0) return o;
  const { decodeSeqs, decodeContextTokens } = o.load;
  return {
    ...o,
    steps: o.steps + 1,
    load: { ...o.load, decodeSeqs: 2 * decodeSeqs, decodeContextTokens: 2 * decodeContextTokens },
  };
}

function serviceError(fit: PhysicalFit): number {
  const service = fit.residuals.find((r) => r.of === "scheduled to first token");
  return service ? service.relative.p95 - service.relative.p05 : Number.POSITIVE_INFINITY;
}

/**
 * The way from client to scheduler where the trace records when requests were scheduled: a low percentile, since
 * most of it under load is waiting. Zero where it is not recorded.
 */
export function schedulingDelayMs(records: readonly TraceRecord[]): Ms {
  const delays = records.flatMap((record) => {
    const at = scheduledMs(record);
    return at === undefined ? [] : [at - (record.arrivalMs as Ms)];
  });
  return quantile(delays, 0.05) ?? 0;
}
