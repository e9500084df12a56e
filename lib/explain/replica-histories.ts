import type { TraceRecord } from "../trace/index.js";
import { BlockHistory } from "./block-history.js";

/**
 * The pasts of the replicas that served a trace, as its records name them; of one where they name none. A history numbers
 * the contents that its replica saw, so that all of them together take little more than that of one replica would.
 */
export class ReplicaHistories {
  readonly all: readonly BlockHistory[];
  /** By record: which of them is that of its replica. */
  readonly replicaOf: Int32Array;
  /** By record: the ids of its chain in that history. */
  readonly ids: readonly Int32Array[];
  /** By content: whether anybody computed it, or was about to. Only where there are several replicas. */
  readonly #isSent: Uint8Array | undefined;

  /** @param chains of the records, in dense ids from 0 to `contentCount` - 1 */
  constructor(records: readonly TraceRecord[], chains: readonly Int32Array[], contentCount: number) {
    const names = [...new Set(records.map(({ replica }) => replica))];
    const numberOf = new Map(names.map((name, replica) => [name, replica]));
    this.replicaOf = Int32Array.from(records, ({ replica }) => numberOf.get(replica) as number);
    const members = names.map((): number[] => []);
    this.replicaOf.forEach((replica, record) => {
      members[replica].push(record);
    });
    if (names.length <= 1) {
      this.ids = chains;
      this.all = [new BlockHistory(contentCount, records.length)];
      return;
    }
    this.#isSent = new Uint8Array(contentCount);
    const ids = new Array<Int32Array>(records.length);
    const ownId = new Int32Array(contentCount);
    this.all = members.map((own) => {
      ownId.fill(-1);
      let count = 0;
      for (const record of own)
        ids[record] = chains[record].map((content) => {
          if (ownId[content] < 0) ownId[content] = count++;
          return ownId[content];
        });
      return new BlockHistory(count, own.length);
    });
    this.ids = ids;
  }

  /** That of the replica that served a record. */
  of(record: number): BlockHistory {
    return this.all[this.replicaOf[record]];
  }

  /** Whether a content, that a record's own replica has not seen, had been sent to another one. */
  isElsewhere(content: number): boolean {
    return this.#isSent?.[content] === 1;
  }

  /** The blocks of a chain from index `from` up to, not including, `to` are computed, or about to be. */
  sent(chain: Int32Array, from: number, to: number): void {
    const isSent = this.#isSent;
    if (!isSent) return;
    for (let k = from; k < to; k++) isSent[chain[k]] = 1;
  }
}
