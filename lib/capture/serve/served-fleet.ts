import { createHash } from "node:crypto";
import { type Blocks, type Ms, stream } from "../../base/index.js";
import { type EngineRequest, replicaSeed, sharedStore } from "../../engine/index.js";
import { EngineReplica, Routing, routerPolicy } from "../../fleet/index.js";
import { EngineMetrics } from "./engine-metrics.js";
import type { CheckedServeOptions } from "./serve-options.js";
import { WallClockEngine } from "./wall-clock-engine.js";

/** One engine of a server, with its metrics. */
export interface ServedReplica {
  readonly engine: WallClockEngine;
  readonly metrics: EngineMetrics;
}

/** Where a request went, and how its router learns what came of it. */
export interface Sent extends ServedReplica {
  firstToken(): void;
  /** Nothing more comes of it. To be called once. */
  ended(): void;
}

/**
 * The engines behind one server: equal ones, each with a cache and a clock of its own, one store behind all of them where the
 * settings name it, and the router that sends requests to them. One engine has no router.
 */
export class ServedFleet {
  readonly replicas: readonly ServedReplica[];
  readonly #routing: Routing | undefined;

  constructor(options: CheckedServeOptions) {
    const { replicas, router, seed, modelName } = options;
    const store = sharedStore(options.engine);
    this.replicas = Array.from({ length: replicas }, (_, index) => {
      const engine = new WallClockEngine({
        engine: options.engine,
        model: options.latency,
        timeScale: options.timeScale,
        seed: replicaSeed(seed, index),
        ...(store && { store }),
      });
      return { engine, metrics: new EngineMetrics(modelName, engine, index) };
    });
    if (replicas === 1) return;
    const views = this.replicas.map(({ engine }, index) => new EngineReplica(index, engine));
    this.#routing = new Routing(routerPolicy(router), {
      replicas: views,
      blockSizeTokens: options.engine.blockSize,
      random: stream(seed, "router"),
      listenToCaches: (listener) => {
        for (const view of views) view.listenToCache(listener);
      },
    });
  }

  /** Blocks of one replica that requests may hold. */
  get requestCapacityBlocks(): Blocks {
    return this.replicas[0].engine.core.cache.requestCapacityBlocks;
  }

  /** What the engines hold at this moment, all together. */
  get load(): { readonly running: number; readonly waiting: number; readonly usedBlocks: Blocks } {
    const engines = this.replicas.map(({ engine }) => engine);
    const sumOf = (count: (engine: WallClockEngine) => number) =>
      engines.reduce((sum, engine) => sum + count(engine), 0);
    return {
      running: sumOf(({ running }) => running),
      waiting: sumOf(({ waiting }) => waiting),
      usedBlocks: sumOf(({ capacityBlocks, freeBlocks }) => capacityBlocks - freeBlocks),
    };
  }

  holds(contentId: number): boolean {
    return this.replicas.some(({ engine }) => engine.core.cache.holds(contentId));
  }

  /** Chooses the engine for a request. */
  send(request: EngineRequest): Sent {
    const routing = this.#routing;
    if (!routing) return { ...this.replicas[0], firstToken: () => {}, ended: () => {} };
    const nowMs = (): Ms => this.replicas[0].engine.nowMs();
    const replica = routing.route(request, nowMs());
    return {
      ...this.replicas[replica],
      firstToken: () => routing.firstToken(request, replica, nowMs()),
      ended: () => routing.ended(request, replica, nowMs()),
    };
  }

  stop(): void {
    for (const { engine } of this.replicas) engine.stop();
  }
}

/** A number for a session's name, as routers know sessions by: 31 bits of its hash, so that no name is kept. */
export function sessionNumber(name: string): number {
  return createHash("sha256").update(name).digest().readUInt32BE(0) >>> 1;
}
