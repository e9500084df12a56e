import { stream } from "../../../lib/base/index.js";
import type { TraceRecord } from "../../../lib/trace/index.js";
import { type DraftRow, type LabelledWorkload, labelled } from "./labelled.js";

/** A workload's rows by name, to be changed. */
export function rowsOf({ trace, parent, joins, spawned }: LabelledWorkload): DraftRow[] {
  return trace.records.map((record, i) => ({
    name: `${i}`,
    record,
    ...(parent[i] >= 0 && { parent: `${parent[i]}` }),
    joins: [...joins].flatMap((pair) => (pair.startsWith(`${i} `) ? [pair.split(" ")[1] as string] : [])),
    spawned: spawned.has(i),
  }));
}

function renamed(workload: LabelledWorkload, what: string, rows: readonly DraftRow[]): LabelledWorkload {
  return labelled({ ...workload, set: what, name: `${workload.name}, ${what}` }, rows, {
    blockSize: workload.trace.meta.blockSize as number,
    blocks: workload.trace.blocks,
  });
}

/**
 * As if the client dropped the reasoning from the history: every answer is `factor` times as long as what stayed of it, and
 * its blocks are not known.
 */
export function reasoningDropped(workload: LabelledWorkload, factor: number): LabelledWorkload {
  const changed = renamed(
    workload,
    "reasoning dropped",
    rowsOf(workload).map((row) => {
      const { outputBlockIds: _, ...record } = row.record;
      return { ...row, record: { ...record, outputTokens: record.outputTokens * factor } };
    }),
  );
  return { ...changed, name: `${changed.name} (${factor})` };
}

/** As if ends were read by a clock that is late by up to `share` of each request's duration. */
export function lateEnds(workload: LabelledWorkload, share: number, seed: number): LabelledWorkload {
  const random = stream(seed, "late ends");
  return renamed(
    workload,
    "late ends",
    rowsOf(workload).map((row) => {
      const { itlMs: _, itlSummary: __, itlTokens: ___, itlCtx: ____, elapsedMs, ...record } = row.record;
      const total = totalOf(row.record);
      if (total === undefined) return row;
      const late = total * (1 + share * random.uniform()) + 1;
      const ttftMs = Math.min(record.ttftMs ?? late, late);
      return {
        ...row,
        record: { ...record, ttftMs, itlSummary: { meanMs: late - ttftMs, count: 1 }, elapsedMs: late },
      };
    }),
  );
}

/** As a log with whole seconds: arrivals cut to the second, durations not known. */
export function wholeSeconds(workload: LabelledWorkload): LabelledWorkload {
  return renamed(
    workload,
    "whole seconds",
    rowsOf(workload).map((row) => {
      const {
        itlMs: _,
        itlSummary: __,
        itlTokens: ___,
        elapsedMs: ____,
        ttftMs: _____,
        ...record
      } = row.record;
      const arrivalMs = 1000 * Math.floor((record.arrivalMs as number) / 1000);
      return { ...row, record: { ...record, arrivalMs } };
    }),
  );
}

/**
 * Some requests fail first, and are sent again: the failed row follows the turn before, the answered one is its retry, and
 * later turns follow the answered one.
 */
export function withRetries(workload: LabelledWorkload, share: number, seed: number): LabelledWorkload {
  const random = stream(seed, "retries");
  const rows = rowsOf(workload).flatMap((row): DraftRow[] => {
    if (random.uniform() >= share) return [row];
    const { arrivalMs, promptTokens, blockIds, tailBlockId } = row.record;
    const backMs = 20 + random.uniform() * 1000;
    const elapsedMs = 5 + random.uniform() * (backMs - 10);
    const failed: TraceRecord = {
      promptTokens,
      outputTokens: 0,
      arrivalMs: (arrivalMs as number) - backMs,
      elapsedMs,
      finishReason: random.uniform() < 0.5 ? "error" : "abort",
      ...(blockIds && { blockIds }),
      ...(tailBlockId !== undefined && { tailBlockId }),
    };
    const first: DraftRow = {
      name: `${row.name}-failed`,
      record: failed,
      ...(row.parent !== undefined && { parent: row.parent }),
      ...(row.joins && { joins: row.joins }),
      ...(row.spawned && { spawned: true }),
    };
    return [first, { name: row.name, record: row.record, parent: first.name }];
  });
  // A failed attempt may not come before the end of the turn that it follows.
  const byName = new Map(rows.map((row) => [row.name, row]));
  const fixed = rows.map((row) => {
    const parent = row.parent === undefined ? undefined : byName.get(row.parent);
    if (!row.name.endsWith("-failed") || !parent) return row;
    const over = (parent.record.arrivalMs as number) + (totalOf(parent.record) ?? 0);
    const answered = byName.get(row.name.slice(0, -"-failed".length)) as DraftRow;
    if ((row.record.arrivalMs as number) >= over) return row;
    const arrivalMs = Math.min(over, answered.record.arrivalMs as number);
    return {
      ...row,
      record: {
        ...row.record,
        arrivalMs,
        elapsedMs: ((answered.record.arrivalMs as number) - arrivalMs) / 2,
      },
    };
  });
  return renamed(workload, "retries", fixed);
}

function totalOf({ ttftMs, itlMs, itlSummary, elapsedMs }: TraceRecord): number | undefined {
  if (ttftMs === undefined) return elapsedMs;
  const decode = itlMs
    ? itlMs.reduce((sum, gap) => sum + gap, 0)
    : (itlSummary?.meanMs ?? 0) * (itlSummary?.count ?? 0);
  return ttftMs + decode;
}
