import { InputError, type Ms } from "../base/index.js";
import { ttftObservation } from "../cohorts/index.js";
import { type Route, type RouterPolicy, routerPolicy } from "../fleet/index.js";
import { type Replay, type ReplayOptions, replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import {
  type BootstrapInterval,
  type ClusteredCurve,
  type Contrast,
  clusterBootstrapAll,
  clusterRobustCurve,
  type QuantileInterval,
  quantileDifference,
  quantileInterval,
} from "../survival/index.js";

/** Shares of prompt tokens, as `FleetReuse` has the tokens. */
export interface ReuseShares<T> {
  readonly offered: T;
  readonly routed: T;
  readonly delivered: T;
  /** Offered less routed, and routed less delivered. */
  readonly lostToRouting: T;
  readonly lostToEviction: T;
}

/** Something for each reported quantile. */
export interface ByQuantile<T> {
  readonly p50: T;
  readonly p90: T;
  readonly p99: T;
}

/** How a workload fares under one router. */
export interface RouterOutcome {
  /** Its name, with the options that are not as usual. */
  readonly router: string;
  readonly replay: Replay;
  readonly shares: ReuseShares<BootstrapInterval>;
  readonly ttftMs: ByQuantile<QuantileInterval>;
  /** Time in which the busiest replica made steps, over the mean of all; undefined where none did. */
  readonly imbalance: number | undefined;
  /** Less the first router's, the same sessions held against each other; undefined for the first. */
  readonly lessFirst?: {
    readonly delivered: BootstrapInterval;
    readonly ttftMs: ByQuantile<Contrast>;
  };
}

/** A workload under several routers. */
export interface RouterComparison {
  readonly replicas: number;
  readonly sessions: number;
  /** Of the intervals. */
  readonly level: number;
  /** In the order given. */
  readonly outcomes: readonly RouterOutcome[];
}

/** What to compare: a replay's options, and routers in place of one. */
export interface CompareRoutersOptions extends Omit<ReplayOptions, "router" | "tellsReuse" | "replicas"> {
  readonly replicas: number;
  /** As a replay's `router`; the others are held against the first. */
  readonly routers: readonly (string | RouterPolicy | Route)[];
  /** Of the bootstrap of shares. Default 1000. */
  readonly replicates?: number;
  /** Confidence of the intervals. Default 0.95. */
  readonly level?: number;
  /** Told of each router before it is replayed. */
  readonly onRouter?: (name: string, index: number) => void;
}

const quantiles = [0.5, 0.9, 0.99] as const;

/**
 * Replays a workload under several routers, on the same arrivals and draws, and says how sure the numbers are: intervals over
 * sessions, which are drawn whole, the same for every router. Shares have those of `clusterBootstrapAll`, TTFT and its
 * differences those of `quantileInterval` and `quantileDifference`, in which a session under one router is paired with itself
 * under the other.
 *
 * Not covered: the simulation is not run again for the sessions drawn, so what they do to one another (whose blocks are evicted,
 * who waits for whom) is held as it was; nor an error of the latency model, the engine's own spread, or other arrivals.
 * @throws InputError when no router is given, or one is given twice; and as {@link replay}
 * @example
 * ```ts
 * import { latencyProfile, readCapture, workloadOf } from "prefixlab";
 * import { compareRouters } from "prefixlab/judge";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const model = latencyProfile("h200-qwen3-8b");
 * const { outcomes } = compareRouters(workload, { model, replicas: 4, routers: ["round-robin", "sticky"] });
 * outcomes.map(({ router, shares }) => [router, shares.delivered.estimate]); // → [["round-robin", 0.771], ["sticky", 0.8917]]
 * outcomes[1].lessFirst?.delivered.lower; // → 0.1018
 * ```
 */
export function compareRouters(workload: Workload, options: CompareRoutersOptions): RouterComparison {
  const { routers, replicates = 1000, level = 0.95, onRouter, ...rest } = options;
  if (routers.length === 0) throw new InputError("compareRouters: routers must name at least one, got none");
  const policies = routers.map(routerPolicy);
  const twice = policies.find(({ name }, i) => policies.findIndex((other) => other.name === name) < i);
  if (twice) throw new InputError(`compareRouters: router "${twice.name}" is given twice`);
  const replays = policies.map((router, i) => {
    onRouter?.(router.name, i);
    return replay(workload, { gaps: false, ...rest, router, tellsReuse: true });
  });
  const { session } = workload.sessions;
  const shares = sharesOf(replays, session, { replicates, level });
  const curves = replays.map(({ trace }) => ttftCurve(trace, session));
  return {
    replicas: rest.replicas,
    sessions: new Set(session).size,
    level,
    outcomes: replays.map((one, i): RouterOutcome => {
      const { engines } = one.run;
      const meanMs = engines.reduce((sum, { busyMs }) => sum + busyMs, 0) / engines.length;
      const busiestMs = engines.reduce((most, { busyMs }) => Math.max(most, busyMs), 0);
      return {
        router: policies[i].name,
        replay: one,
        shares: shares[i].shares,
        ttftMs: byQuantile((p) => quantileInterval(curves[i], p, { level })),
        imbalance: meanMs > 0 ? busiestMs / meanMs : undefined,
        ...(i > 0 && {
          lessFirst: {
            delivered: shares[i].lessFirst,
            ttftMs: byQuantile((p) => quantileDifference(curves[i], curves[0], p, { paired: true, level })),
          },
        }),
      };
    }),
  };
}

/** Sums a session, for one router. */
interface SessionTokens {
  readonly prompt: Float64Array;
  readonly offered: Float64Array;
  readonly routed: Float64Array;
  readonly delivered: Float64Array;
}

/** Shares are ratios of sums, so a session's sums are all that a resample needs of it. */
function sharesOf(
  replays: readonly Replay[],
  session: ArrayLike<number>,
  options: { readonly replicates: number; readonly level: number },
): { readonly shares: ReuseShares<BootstrapInterval>; readonly lessFirst: BootstrapInterval }[] {
  const labels = [...new Set(Array.from(session))];
  const place = new Map(labels.map((label, at) => [label, at]));
  const tokens = replays.map(({ reuse, trace }): SessionTokens => {
    const sums = {
      prompt: new Float64Array(labels.length),
      offered: new Float64Array(labels.length),
      routed: new Float64Array(labels.length),
      delivered: new Float64Array(labels.length),
    };
    const by = (reuse as NonNullable<Replay["reuse"]>).byRequest;
    trace.records.forEach(({ promptTokens }, i) => {
      // One that was never admitted looked nothing up.
      if (by.delivered[i] < 0) return;
      const at = place.get(session[i]) as number;
      sums.prompt[at] += promptTokens;
      sums.offered[at] += by.offered[i];
      sums.routed[at] += by.routed[i];
      sums.delivered[at] += by.delivered[i];
    });
    return sums;
  });
  const columns = 6;
  const all = clusterBootstrapAll(
    labels,
    (rows) => {
      let first: number | undefined;
      return tokens.flatMap((own, i) => {
        const prompt = sumAt(own.prompt, rows);
        if (prompt === 0) return new Array<undefined>(columns).fill(undefined);
        const [offered, routed, delivered] = [own.offered, own.routed, own.delivered].map(
          (side) => sumAt(side, rows) / prompt,
        );
        if (i === 0) first = delivered;
        const less = first === undefined ? undefined : delivered - first;
        return [offered, routed, delivered, offered - routed, routed - delivered, less];
      });
    },
    options,
  );
  return replays.map((_, i) => {
    const [offered, routed, delivered, lostToRouting, lostToEviction, lessFirst] = all.slice(
      i * columns,
      (i + 1) * columns,
    );
    return { shares: { offered, routed, delivered, lostToRouting, lostToEviction }, lessFirst };
  });
}

/** Waits for first tokens, by session. */
function ttftCurve({ records }: Workload["trace"], session: ArrayLike<number>): ClusteredCurve {
  const times: Ms[] = [];
  const observed: boolean[] = [];
  const clusters: number[] = [];
  records.forEach((record, i) => {
    const wait = ttftObservation(record);
    if (!wait) return;
    times.push(wait.timeMs);
    observed.push(wait.observed);
    clusters.push(session[i]);
  });
  return clusterRobustCurve({ times, observed }, clusters);
}

function byQuantile<T>(of: (p: number) => T): ByQuantile<T> {
  const [p50, p90, p99] = quantiles.map(of);
  return { p50, p90, p99 };
}

function sumAt(values: Float64Array, rows: Int32Array): number {
  let sum = 0;
  for (const row of rows) sum += values[row];
  return sum;
}
