import type { Ms } from "../base/index.js";
import type { FitRange } from "../latency/index.js";
import type { TraceRecord } from "../trace/index.js";
import { fitPhysical, type PhysicalFit, type PhysicalFitOptions } from "./fit-physical.js";
import type { Observation } from "./observation.js";
import { scheduledAhead } from "./scheduled-ahead.js";
import { scheduledMs } from "./scheduled-time.js";

/** What is known beside the observations. */
export interface MeansOptions extends Omit<PhysicalFitOptions, "ridge"> {
  /** Whether the engine schedules a step ahead, where that is known. */
  readonly schedulesAhead?: boolean;
}

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
 * @param given what is known beside them
 */
export function fitMeans(
  observe: (earlier?: PhysicalFit) => readonly Observation[],
  range: FitRange,
  { schedulesAhead, ...given }: MeansOptions,
): PhysicalFit {
  const fitReading = (reading: (o: Observation) => Observation): PhysicalFit => {
    const options = { ...given, ridge };
    let fit = fitPhysical(observe().map(reading), range, options);
    for (let round = 1; round < rounds; round++) fit = fitPhysical(observe(fit).map(reading), range, options);
    return fit;
  };
  if (schedulesAhead !== undefined) return fitReading(schedulesAhead ? scheduledAhead : (o) => o);
  const inStep = fitReading((o) => o);
  const ahead = fitReading(scheduledAhead);
  const [spreadInStep, spreadAhead] = [serviceSpread(inStep), serviceSpread(ahead)];
  const better = spreadAhead !== undefined && spreadAhead < (spreadInStep ?? 0) ? ahead : inStep;
  return spreadInStep === undefined || spreadAhead === undefined
    ? better
    : { ...better, scheduling: { inStep: spreadInStep, ahead: spreadAhead } };
}

/** Services whose spread tells two readings apart. */
const leastServices = 8;

function serviceSpread(fit: PhysicalFit): number | undefined {
  const service = fit.residuals.find((r) => r.of === "scheduled to first token");
  return service && service.n >= leastServices ? service.relative.p95 - service.relative.p05 : undefined;
}

/**
 * The way from client to scheduler where the trace records when requests were scheduled: the least of it, since under load
 * all the rest is waiting. Zero where it is not recorded.
 */
export function schedulingDelayMs(records: readonly TraceRecord[]): Ms {
  let leastMs = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const at = scheduledMs(record);
    if (at !== undefined) leastMs = Math.min(leastMs, at - (record.arrivalMs as Ms));
  }
  return leastMs === Number.POSITIVE_INFINITY ? 0 : leastMs;
}
