import type { Blocks, Tokens } from "../base/index.js";
import type { EngineRequest, EngineView } from "../engine/index.js";
import { ClientCounts } from "./client-counts.js";
import type { CacheListener, ReplicaView } from "./router.js";

/** A simulated replica as routers see it: the client's own counts, and the engine itself. */
export class EngineReplica extends ClientCounts implements ReplicaView {
  readonly #engine: EngineView;

  constructor(index: number, engine: EngineView) {
    super(index);
    this.#engine = engine;
    this.isOpen = engine.isOpen;
  }

  get waiting(): number {
    return this.#engine.waiting;
  }

  get running(): number {
    return this.#engine.running;
  }

  get freeBlocks(): Blocks {
    return this.#engine.freeBlocks;
  }

  get capacityBlocks(): Blocks {
    return this.#engine.capacityBlocks;
  }

  cachedTokens(request: EngineRequest): Tokens {
    return this.#engine.cachedTokens(request);
  }

  listenToCache(listener: CacheListener): void {
    this.#engine.listenToCache((contentId, isHeld, atMs) =>
      isHeld ? listener.stored(this.index, contentId, atMs) : listener.evicted(this.index, contentId, atMs),
    );
  }
}
