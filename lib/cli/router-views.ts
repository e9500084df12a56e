import { cohortIndices, type TtftSurvival, ttftSurvival } from "../cohorts/index.js";
import type { SurvivalPanel, SurvivalSeries } from "../figure/index.js";
import type { Replay } from "../replay/index.js";

/** Replicas that have a curve of their own at most: more cannot be told apart. */
const mostReplicas = 8;

/** TTFT of first and later turns of a fleet's replay. */
export function survivalByCohort(replay: Replay): SurvivalPanel {
  const cohorts = (["turn1", "turns2plus"] as const).filter(
    (cohort) => cohortIndices(replay.sessions, cohort).length > 0,
  );
  return {
    title: "By turn",
    series: cohorts.map((cohort) => ({
      ...modeled(ttftSurvival(replay, cohort)),
      heading: cohort === "turn1" ? "turn 1" : "turns 2+",
      style: cohort === "turn1" ? { colour: "accent" as const, dash: "6px,4px" } : { dash: "solid" },
    })),
  };
}

/** TTFT at each replica; the one with the least and the one with the greatest median are named. */
export function survivalByReplica(replay: Replay): SurvivalPanel {
  const requests = replay.run.engines.map(() => 0);
  for (const replica of replay.run.replica) if (replica >= 0) requests[replica]++;
  const served = [...requests.keys()].filter((replica) => requests[replica] > 0);
  const shown = [...served].sort((a, b) => requests[b] - requests[a] || a - b).slice(0, mostReplicas);
  const curves = shown.map((replica) => ({
    replica,
    survival: ttftSurvival(replay, "all", (index) => replay.run.replica[index] === replica),
  }));
  const median = ({ survival }: (typeof curves)[number]) => survival.medianMs ?? Number.POSITIVE_INFINITY;
  const byMedian = [...curves].sort((a, b) => median(a) - median(b));
  const [least, greatest] = [byMedian[0], byMedian[byMedian.length - 1]];
  return {
    title:
      shown.length < served.length
        ? `By replica, the ${shown.length} with the most requests of ${requests.length}`
        : served.length < requests.length
          ? `By replica; ${requests.length - served.length} got no request`
          : "By replica",
    series: curves.map(({ replica, survival }): SurvivalSeries => {
      const { times, survival: share } = survival.curve;
      const isNamed = replica === least.replica || replica === greatest.replica;
      return {
        ...modeled(survival),
        curve: { times, survival: share },
        heading: `replica ${replica}`,
        ...(isNamed ? {} : { texts: [] }),
        style: isNamed
          ? {
              dash: replica === least.replica ? "solid" : "6px,4px",
              ...(replica === least.replica ? {} : { colour: "accent" as const }),
            }
          : { colour: "muted", dash: "solid", widthPx: 1 },
      };
    }),
  };
}

function modeled({ curve, lower, upper, n, censored, medianMs }: TtftSurvival): SurvivalSeries {
  return {
    kind: "modeled",
    curve: { times: curve.times, survival: curve.survival, lower, upper },
    n,
    censored,
    ...(medianMs !== undefined && { medianMs }),
  };
}
