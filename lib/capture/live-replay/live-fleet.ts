import { InputError, type Ms, stream } from "../../base/index.js";
import { ClientCounts, type ClientRouterPolicy, type ClientView, Routing } from "../../fleet/index.js";
import type { Plan } from "../../replay/index.js";
import type { Exchange } from "../loadgen/exchange.js";
import type { SendOptions } from "../loadgen/load-run.js";

/** What a client does with several servers. */
export interface LiveFleetOptions {
  readonly plan: Plan;
  readonly servers: number;
  readonly router: ClientRouterPolicy;
  /** Fixes the router's draws: they are those of a simulated fleet with this seed. */
  readonly seed: number | string;
}

/**
 * Real servers behind a router that runs in the client: it sees what the client itself has sent to each and got back, nothing of
 * the engines. A server that refuses the connection is closed to the router from then on, unless it is the last one open.
 */
export class LiveFleet {
  readonly #plan: Plan;
  readonly #views: readonly ClientCounts[];
  readonly #routing: Routing<ClientView>;
  /** Where each request was sent. */
  readonly #serverOf: Int32Array;
  readonly #startedAtMs: Ms = performance.now();

  constructor({ plan, servers, router, seed }: LiveFleetOptions) {
    this.#plan = plan;
    this.#serverOf = new Int32Array(plan.requests.length).fill(-1);
    this.#views = Array.from({ length: servers }, (_, index) => new ClientCounts(index));
    this.#routing = new Routing(router, {
      replicas: this.#views,
      blockSizeTokens: plan.blockSize,
      random: stream(seed, "router"),
      listenToCaches: () => {
        throw new InputError(
          `replayLive: router "${router.name}" listens to cache events, which a client of real servers does not hear`,
        );
      },
    });
  }

  /** Servers that refused a connection and get no more requests. */
  get closed(): readonly number[] {
    return this.#views.filter(({ isOpen }) => !isOpen).map(({ index }) => index);
  }

  /** Chooses where request `index`, which is sent now, goes to. */
  send(index: number): SendOptions {
    const request = this.#plan.requests[index];
    const server = this.#routing.route(request, this.#nowMs());
    this.#serverOf[index] = server;
    return { server, onFirstToken: () => this.#routing.firstToken(request, server, this.#nowMs()) };
  }

  /** Nothing more comes of request `index`. */
  ended(index: number, exchange: Exchange): void {
    const server = this.#serverOf[index];
    this.#routing.ended(this.#plan.requests[index], server, this.#nowMs());
    const isLast = this.#views.every(({ isOpen }, other) => other === server || !isOpen);
    if (isRefused(exchange) && this.#views[server].isOpen && !isLast)
      this.#routing.setOpen(server, false, this.#nowMs());
  }

  #nowMs(): Ms {
    return performance.now() - this.#startedAtMs;
  }
}

/** No connection could be had: nothing listens there. */
function isRefused({ failure, writtenAtMs }: Exchange): boolean {
  return failure?.reason === "disconnect" && writtenAtMs === undefined;
}
