import { InputError, mean } from "../base/index.js";
import { type CohortName, cohortIndices } from "../cohorts/index.js";
import type { SessionLabels } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import { type Comparison, compareTraces, type ErrorCell, type Quantity } from "./compare.js";

/** One capture of a scenario and its replays, record for record. */
export interface JudgedCapture {
  readonly captured: Trace;
  readonly sessions: SessionLabels;
  /** Modeled traces, one a model seed; every capture of a scenario has as many. */
  readonly modeled: readonly Trace[];
  /** Share of the capture's time in which the modeled engine was computing. */
  readonly busyFraction: number;
}

/** A number of the accuracy table: all captures of a scenario pooled, against the engine's own noise. */
export interface AccuracyCell extends ErrorCell {
  /** (largest - smallest) / mean of the captured number over the scenario's captures; undefined for one capture. */
  readonly seedSpread?: number;
  /** Largest error that holds. */
  readonly allowed: number;
}

export interface ScenarioAccuracy {
  readonly cells: readonly AccuracyCell[];
  readonly pooled: Comparison;
  readonly captures: number;
  /** Smallest and largest over the captures. */
  readonly busyFraction: readonly [number, number];
}

/**
 * Accuracy of the model on several captures of one scenario: quantiles of the pooled requests, with intervals that
 * resample sessions, beside how much the engine's own numbers differ from seed to seed.
 * @param allowance largest error that holds, for a cell and its spread from seed to seed
 * @throws InputError without captures
 */
export function scenarioAccuracy(
  judged: readonly JudgedCapture[],
  allowance: (cell: ErrorCell, seedSpread: number | undefined) => number,
): ScenarioAccuracy {
  if (judged.length === 0) throw new InputError("scenarioAccuracy: needs at least one capture");
  const pooled = poolCaptures(judged);
  const comparison = compareTraces(pooled);
  const single = judged.map((capture) => compareTraces({ ...capture, replicates: 0 }));
  const cells = comparison.cells.map((cell): AccuracyCell => {
    const captured = single.flatMap((one) => findCell(one, cell)?.capturedMs ?? []);
    const seedSpread = captured.length > 1 ? spreadOf(captured) : undefined;
    const allowed = allowance(cell, seedSpread);
    return {
      ...cell,
      ...(seedSpread !== undefined && { seedSpread }),
      allowed,
      holds: cell.error !== undefined && Math.abs(cell.error) <= allowed,
    };
  });
  const busy = judged.map((capture) => capture.busyFraction);
  return {
    cells,
    pooled: comparison,
    captures: judged.length,
    busyFraction: [Math.min(...busy), Math.max(...busy)],
  };
}

/** (largest - smallest) / mean, of at least one value. */
function spreadOf(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / (mean(values) as number);
}

function findCell(comparison: Comparison, like: ErrorCell): ErrorCell | undefined {
  return comparison.cells.find(
    (cell) => cell.group === like.group && cell.quantity === like.quantity && cell.quantile === like.quantile,
  );
}

/** All requests of several captures as one trace, sessions kept apart. */
function poolCaptures(judged: readonly JudgedCapture[]): {
  captured: Trace;
  sessions: SessionLabels;
  modeled: Trace[];
} {
  const [first] = judged as [JudgedCapture];
  if (judged.length === 1) return { ...first, modeled: [...first.modeled] };
  const joined = (traces: readonly Trace[]): Trace => ({
    ...traces[0],
    records: traces.flatMap((trace) => [...trace.records]),
  });
  let records = 0;
  let sessionCount = 0;
  const parent: number[] = [];
  const turn: number[] = [];
  const session: number[] = [];
  for (const { sessions, captured } of judged) {
    for (const p of sessions.parent) parent.push(p < 0 ? p : p + records);
    turn.push(...sessions.turn);
    for (const s of sessions.session) session.push(s + sessionCount);
    records += captured.records.length;
    sessionCount = session.reduce((most, s) => Math.max(most, s), -1) + 1;
  }
  return {
    captured: joined(judged.map((j) => j.captured)),
    sessions: {
      parent: Int32Array.from(parent),
      turn: Int32Array.from(turn),
      session: Int32Array.from(session),
    },
    modeled: first.modeled.map((_, seed) => joined(judged.map((j) => j.modeled[seed]))),
  };
}

/**
 * Share of a cohort's inter-token gaps that are longer than a threshold: the slow band, gaps stretched by prefill
 * chunks that shared their step. Undefined without gaps.
 */
export function slowBandMass(
  trace: Trace,
  sessions: SessionLabels,
  cohort: CohortName,
  thresholdMs: number,
): number | undefined {
  let slow = 0;
  let all = 0;
  for (const index of cohortIndices(sessions, cohort)) {
    for (const gap of trace.records[index].itlMs ?? []) {
      all++;
      if (gap > thresholdMs) slow++;
    }
  }
  return all === 0 ? undefined : slow / all;
}

/** Spread of the captured quantiles over captures of one scenario: the floor that fidelity is judged by. */
export function seedNoise(
  captures: readonly { readonly captured: Trace; readonly sessions: SessionLabels }[],
): { group: string; quantity: Quantity; quantile: number; values: number[]; spread: number }[] {
  const each = captures.map(({ captured, sessions }) =>
    compareTraces({ captured, sessions, modeled: [captured], replicates: 0 }),
  );
  return (each[0]?.cells ?? []).flatMap((cell) => {
    const values = each.flatMap((one) => findCell(one, cell)?.capturedMs ?? []);
    if (values.length < captures.length || cell.group.startsWith("in flight")) return [];
    return [
      {
        group: cell.group,
        quantity: cell.quantity,
        quantile: cell.quantile,
        values,
        spread: spreadOf(values),
      },
    ];
  });
}
