import { createHash } from "node:crypto";
import { PARENT_KINDS, type SessionLabels, type WaitedFor } from "../../../lib/sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../../lib/trace/index.js";

/** Which half of the data a workload belongs to: confidences are fitted on one, and reported on the other only. */
export type Half = "fit" | "held out";

/** A trace whose parents are known. */
export interface LabelledWorkload {
  /** Its data set, and which of it. */
  readonly set: string;
  readonly name: string;
  readonly half: Half;
  readonly trace: Trace;
  /** Parent of each record, -1 for none. */
  readonly parent: Int32Array;
  /** Pairs of a request and what it waits for beside its parent, as "child parent". */
  readonly joins: ReadonlySet<string>;
  /** Requests that a parent's answer started in another agent. */
  readonly spawned: ReadonlySet<number>;
}

/**
 * The half of a name: whether the first byte of its SHA-256 is even. Of a data set made of files it is taken of each
 * file's name, so that no file is in both.
 */
export function halfOf(name: string): Half {
  return (createHash("sha256").update(name).digest()[0] as number) % 2 === 0 ? "fit" : "held out";
}

/** A row of a workload in the making: parents and joins by name. */
export interface DraftRow {
  readonly name: string;
  readonly record: TraceRecord;
  readonly parent?: string;
  readonly joins?: readonly string[];
  readonly spawned?: boolean;
}

/** Rows in order of arrival, their parents by index. */
export function labelled(
  of: Pick<LabelledWorkload, "set" | "name" | "half">,
  rows: readonly DraftRow[],
  trace: { readonly blockSize: number; readonly blocks: BlockTable },
): LabelledWorkload {
  const sorted = rows.toSorted((a, b) => (a.record.arrivalMs as number) - (b.record.arrivalMs as number));
  const indexOf = new Map(sorted.map(({ name }, i) => [name, i]));
  const joins = new Set<string>();
  const spawned = new Set<number>();
  sorted.forEach((row, i) => {
    for (const name of row.joins ?? []) joins.add(`${i} ${indexOf.get(name)}`);
    if (row.spawned) spawned.add(i);
  });
  return {
    set: of.set,
    name: of.name,
    half: of.half,
    trace: {
      meta: { blockSize: trace.blockSize, extra: {} },
      records: sorted.map(({ record }) => record),
      blocks: trace.blocks,
      rejected: [],
      warnings: [],
    },
    parent: Int32Array.from(sorted, ({ parent }) =>
      parent === undefined ? -1 : (indexOf.get(parent) ?? -1),
    ),
    joins,
    spawned,
  };
}

/** Sessions as they follow from parents: what is connected. */
export function labelsOf(parent: Int32Array): SessionLabels {
  const turn = new Int32Array(parent.length);
  const session = new Int32Array(parent.length);
  let sessions = 0;
  const visit = (i: number): void => {
    if (turn[i] !== 0) return;
    const p = parent[i];
    if (p >= 0) visit(p);
    turn[i] = p < 0 ? 1 : turn[p] + 1;
    session[i] = p < 0 ? sessions++ : session[p];
  };
  for (let i = 0; i < parent.length; i++) visit(i);
  return { parent, turn, session };
}

/** The truth of a workload: parents, what is spawned and what is joined. */
export function truthOf({ parent, spawned, joins }: LabelledWorkload): SessionLabels {
  const waits = new Map<number, WaitedFor[]>();
  for (const pair of joins) {
    const [child, joined] = pair.split(" ").map(Number) as [number, number];
    const all = waits.get(child) ?? [{ parent: parent[child]!, kind: "turn" }];
    waits.set(child, [...all, { parent: joined, kind: "join" }]);
  }
  const link = Uint8Array.from(parent, (_, i) => PARENT_KINDS.indexOf(spawned.has(i) ? "spawn" : "turn"));
  return { ...labelsOf(parent), link, waits };
}

/** Chains of content symbols as block ids: equal symbols after equal symbols are equal blocks. */
export class Chains {
  readonly blocks = new BlockTable();
  readonly #ids = new Map<string, number>();

  /** One id a symbol. */
  of(symbols: readonly (string | number)[]): Int32Array {
    let before = -1;
    return Int32Array.from(symbols, (symbol) => {
      const key = `${before}/${symbol}`;
      const id = this.#ids.get(key) ?? this.blocks.internFresh();
      this.#ids.set(key, id);
      before = id;
      return id;
    });
  }
}
