import { type Blocks, InputError, type Tokens } from "../base/index.js";
import type { EngineCore } from "./engine-core.js";
import type { EngineRequest } from "./engine-request.js";

/** What may be seen of an engine's core from outside, by whatever clock it runs. */
export abstract class CoreView {
  abstract readonly core: EngineCore;

  get running(): number {
    return this.core.runningCount;
  }

  get freeBlocks(): Blocks {
    return this.core.cache.freeBlocks;
  }

  get capacityBlocks(): Blocks {
    return this.core.cache.capacityBlocks;
  }

  cachedTokens({ contentIds, promptTokens }: EngineRequest): Tokens {
    return this.core.cache.cachedTokens(contentIds, promptTokens);
  }

  /** @throws InputError when the cache does not tell */
  protected listenToCore(listener: (contentId: number, isHeld: boolean) => void): void {
    const { cache } = this.core;
    if (!cache.listen)
      throw new InputError(
        'the engines\' caches do not tell what they hold and lose: a router that is fed by cache events needs prefixReuse "blocks"',
      );
    cache.listen(listener);
  }
}
