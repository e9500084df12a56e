import type { Ms } from "../base/index.js";
import type { ReplicaView } from "./router.js";

/** What engines told of their load when they were last asked, as a poller of their metrics has it. */
export class EngineLoads {
  readonly waiting: Float64Array;
  /** Share of the pool's blocks that requests hold. */
  readonly kvUse: Float64Array;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** @param refreshMs how old what is known may be: engines are asked again with the first request after that */
  constructor(
    replicas: number,
    readonly refreshMs: Ms,
  ) {
    this.waiting = new Float64Array(replicas);
    this.kvUse = new Float64Array(replicas);
  }

  refresh(replicas: readonly ReplicaView[], nowMs: Ms): void {
    if (nowMs - this.#askedMs < this.refreshMs) return;
    this.#askedMs = nowMs;
    for (let i = 0; i < replicas.length; i++) {
      const { waiting, freeBlocks, capacityBlocks } = replicas[i];
      this.waiting[i] = waiting;
      this.kvUse[i] = 1 - freeBlocks / capacityBlocks;
    }
  }
}
