import { pooledStepsWaited } from "../judge/index.js";
import type { Workload } from "../sessions/index.js";
import type { Candidates, Supposition } from "./candidates.js";
import { type Fitting, fitSupposed, leastWaits, replaySupposed } from "./fit-supposed.js";

/** What decided about asynchronous scheduling, apart from how well replays do. */
export interface SchedulingEvidence {
  /**
   * "steps waited": step ends that requests saw pass, captured against replays of either kind. "scheduled to first token": the
   * spread of what the fit leaves of that time, read as one step or as two.
   */
  readonly by: "steps waited" | "scheduled to first token";
  /** How far each kind is from the captures; the nearer one is supposed. */
  readonly synchronous: number;
  readonly asynchronous: number;
}

/** Requests whose steps could be counted, below which the count decides nothing. */
const leastCounted = 10;
/** One spread over the other below which it decides. */
const clearlyLess = 0.8;
/** Steps off the captured count from which neither kind of scheduling explains it. */
const mostStepsOff = 0.5;

/** What shows whether the engine schedules asynchronously; undefined where that is told, or nothing but replays can decide. */
export function schedulingEvidence(
  workloads: readonly Workload[],
  { forms, budgets, asyncScheduling }: Candidates,
  options: Fitting,
): SchedulingEvidence | undefined {
  if (asyncScheduling.length < 2) return undefined;
  const draft: Supposition = { form: forms[0], maxNumBatchedTokens: budgets[0], asyncScheduling: false };
  const { model, report } = fitSupposed(workloads, draft, options);
  const [budget] = budgets;
  const counted = [
    pooledStepsWaited(
      workloads.map(({ trace }) => trace),
      budget,
    ),
    ...asyncScheduling.map((isAsync) =>
      pooledStepsWaited(
        workloads.flatMap(
          (workload) =>
            replaySupposed(workload, model, { ...draft, asyncScheduling: isAsync }, options)?.trace ?? [],
        ),
        budget,
      ),
    ),
  ];
  const [captured, ...modeled] = counted;
  const [synchronous, asynchronous] = modeled.map((steps) => Math.abs(steps.mean - captured.mean));
  // Without lone requests the way to the scheduler is not known, and passes for a step that was waited.
  const knowsPath = (report.used.isolated ?? 0) >= leastWaits;
  if (
    knowsPath &&
    counted.every(({ n }) => n >= leastCounted) &&
    Math.min(synchronous, asynchronous) < mostStepsOff
  )
    return { by: "steps waited", synchronous, asynchronous };
  if (!report.scheduling) return undefined;
  const { inStep, ahead } = report.scheduling;
  return Math.min(inStep, ahead) < clearlyLess * Math.max(inStep, ahead)
    ? { by: "scheduled to first token", synchronous: inStep, asynchronous: ahead }
    : undefined;
}
