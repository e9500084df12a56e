import { keepPlan, type Plan, type PlanOptions } from "../replay/index.js";
import { firstTurns, type Workload } from "../sessions/index.js";
import type { SweepCell } from "./sweep-cell.js";

/** What a cell replays, and what plans it. */
export interface PlannedWorkload {
  readonly workload: Workload;
  readonly planOf: (options: PlanOptions) => Plan;
}

/** What of a cell says which of a trace's workloads it replays: all that have the same are replayed from the same one. */
const workloadAxes = ["min-confidence", "turns"] as const;
/** What says how that is planned. */
const planAxes = ["prompts", "pacing", "answer-reuse", "block-size", "rate-scale", "think-scale"] as const;

/** The sessions that a cell asks for, where inferred edges are to be surer than usual. */
export function cellConfidence(cell: SweepCell): number | undefined {
  const minConfidence = cell["min-confidence"];
  return minConfidence === undefined ? undefined : Number(minConfidence);
}

/** Indices of cells so that those that share a workload and a plan follow each other; else in their order. */
export function inPlanOrder(cells: readonly SweepCell[], indices: readonly number[]): number[] {
  const groups = new Map<string, number[]>();
  for (const index of indices) {
    const key = JSON.stringify([...workloadAxes, ...planAxes].map((axis) => cells[index][axis] ?? null));
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  }
  return [...groups.values()].flat();
}

/** The workloads of one trace that cells replay. The last one is kept, with its last plan: cells that share both make it once. */
export class CellWorkloads {
  readonly #withConfidence: (minConfidence: number | undefined) => Workload;
  #kept: ({ readonly key: string } & PlannedWorkload) | undefined;

  /** @param withConfidence the trace with its sessions, inferred edges less sure than this left out, or than usual */
  constructor(withConfidence: (minConfidence: number | undefined) => Workload) {
    this.#withConfidence = withConfidence;
  }

  of(cell: SweepCell): PlannedWorkload {
    const key = JSON.stringify(workloadAxes.map((axis) => cell[axis] ?? null));
    if (this.#kept?.key !== key) {
      this.#kept = undefined;
      const sure = this.#withConfidence(cellConfidence(cell));
      const workload = cell.turns === undefined ? sure : firstTurns(sure, Number(cell.turns));
      this.#kept = { key, workload, planOf: keepPlan(workload) };
    }
    return this.#kept;
  }
}
