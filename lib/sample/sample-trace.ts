import { InputError, requireFinite, requireInteger, type Tokens } from "../base/index.js";
import type { Workload } from "../sessions/index.js";
import type { JsonValue } from "../trace/index.js";
import { type ContextCut, capContext } from "./cap-context.js";
import type { SampleDistances } from "./sample-distances.js";
import { type FoundSample, SampleSearch } from "./sample-search.js";
import { countOf, type Grouping } from "./sharing-units.js";

/** How much of a trace to keep: of `sessions` and `share` one at most. */
export interface SampleOptions {
  /** Sessions to keep at most. */
  readonly sessions?: number;
  /** Share of the sessions to keep, above 0 and up to 1. Default 1. */
  readonly share?: number;
  /** Default 1. The same seed chooses the same sessions. */
  readonly seed?: number | string;
  /** Cut the trace first to what a context window of this many tokens takes, see `capContext`. */
  readonly contextCapTokens?: Tokens;
}

/** A smaller trace, and how well it stands for the whole one. */
export interface TraceSample {
  /** The sample with its sessions; its meta line says what it is a sample of. */
  readonly workload: Workload;
  /** What it is a sample of, after the cut where there is one. */
  readonly whole: { readonly requests: number; readonly sessions: number };
  readonly requests: number;
  readonly sessions: number;
  /** Sessions that were asked for: fewer are kept where those that share a prefix stay together. */
  readonly sessionsWanted: number;
  /** What sessions were taken together for. */
  readonly grouping: Grouping;
  /** Groups of sessions that were taken together or not at all, and the sessions of the largest. */
  readonly units: FoundSample["units"];
  /** Choices that were compared; the closest was kept. */
  readonly tries: number;
  readonly kept: SampleDistances;
  readonly cut?: ContextCut;
}

/**
 * A smaller trace of whole sessions that keeps the hit-rate curve, the lengths and the shape of arrivals.
 *
 * A session with its sub-agents is taken whole or not at all, and so are units of sessions: those that share a prefix which
 * few share; where that does not keep the curve, also runs of sessions with one prefix, or stretches of time, see
 * {@link Grouping}. Of the units a balanced choice is made by what each adds to the whole trace's curve and distributions; the
 * sample's own curve is measured, and the choice moved against what is missing. The closest of some tens of such tries is
 * kept: the distances are those of a sample that was chosen by them, measured on the sample itself.
 *
 * What it cannot keep: prefixes that come back within a few requests, in a pool that is no larger than these. A twentieth of
 * such a pool holds no request. Nor, at once, prefixes that many sessions share and conversations whose turns are as far apart.
 *
 * Arrivals stay where they were, so that a sample of a twentieth of the sessions is a twentieth of the load (the whole load
 * for a twentieth of the time, if it was taken in stretches): it goes with a pool as printed, see {@link SampleDistances}. Recorded latencies and cached tokens stay those of the whole load.
 * @throws InputError when an option is out of range, or nothing would be left
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { sampleTrace } from "prefixlab/sample";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { sessions, requests, kept } = sampleTrace(workloadOf(trace), { share: 0.5 });
 * [sessions, requests, kept.promptTokensKs]; // → [32, 160, 0]
 * ```
 */
export function sampleTrace(workload: Workload, options: SampleOptions): TraceSample {
  const { seed = 1, contextCapTokens } = options;
  const capped = contextCapTokens === undefined ? undefined : capContext(workload, contextCapTokens);
  const whole = capped?.workload ?? workload;
  const all = countOf(whole.sessions.session);
  if (all === 0)
    throw new InputError(
      capped
        ? `sampleTrace: no request fits contextCapTokens (${contextCapTokens}): the shortest has ${shortest(workload)} tokens of prompt and answer`
        : "sampleTrace: the trace has no requests",
    );
  const sessionsWanted = wantedSessions(options, all);
  const { sample, kept, tries, units, grouping } = new SampleSearch(
    whole,
    all,
    sessionsWanted,
    seed,
  ).closest();
  const sessions = countOf(sample.sessions.session);
  const told = {
    sessions,
    of_sessions: all,
    requests: sample.trace.records.length,
    of_requests: whole.trace.records.length,
    seed,
    ...(kept.curve && {
      pool_share: kept.curve.pool.share,
      pool_fixed_blocks: kept.curve.pool.fixedBlocks,
    }),
    ...(contextCapTokens !== undefined && { context_cap_tokens: contextCapTokens }),
  };
  return {
    workload: withMeta(sample, told),
    whole: { requests: whole.trace.records.length, sessions: all },
    requests: sample.trace.records.length,
    sessions,
    sessionsWanted,
    grouping,
    units,
    tries,
    kept,
    ...(capped && { cut: capped.cut }),
  };
}

function wantedSessions({ sessions, share }: SampleOptions, all: number): number {
  if (sessions !== undefined && share !== undefined)
    throw new InputError("sampleTrace: give sessions or share, not both");
  if (sessions !== undefined) {
    requireInteger("sampleTrace", "sessions", sessions, 1);
    if (sessions > all)
      throw new InputError(`sampleTrace: sessions is ${sessions}, but there are only ${all}: ask for fewer`);
    return sessions;
  }
  requireFinite("sampleTrace", "share", share ?? 1, 0, 1);
  if (share === 0) throw new InputError("sampleTrace: share must be above 0: nothing would be kept");
  return Math.max(1, Math.round((share ?? 1) * all));
}

function shortest({ trace }: Workload): Tokens {
  return trace.records.reduce(
    (least, { promptTokens, outputTokens }) => Math.min(least, promptTokens + outputTokens),
    Number.POSITIVE_INFINITY,
  );
}

/** A sample of a sample says both. */
function withMeta(sample: Workload, told: Readonly<Record<string, JsonValue>>): Workload {
  const { meta } = sample.trace;
  const before = meta.extra.sample;
  const extra = { ...meta.extra, sample: { ...told, ...(before !== undefined && { from: before }) } };
  return { ...sample, trace: { ...sample.trace, meta: { ...meta, extra } } };
}
