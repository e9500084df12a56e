import { describeValue, InputError, type Ms } from "../base/index.js";
import type { EngineRequest } from "../engine/index.js";
import type { ClientCounts } from "./client-counts.js";
import type { ClientView, ReplicaView, RoutedFleet, Router, RouterPolicy } from "./router.js";

/**
 * A router at work for a client, simulated or real: asks it, checks its answers, keeps the client's own counts, and tells it
 * what came of requests.
 */
export class Routing<View extends ClientView = ReplicaView> {
  readonly #router: Router<View>;
  readonly #replicas: readonly (View & ClientCounts)[];
  readonly #name: string;
  readonly isBlind: boolean;
  /** Whether a listener of caches asked for it. */
  isOrdered = false;

  constructor(
    policy: RouterPolicy<View>,
    fleet: RoutedFleet<View> & { readonly replicas: readonly (View & ClientCounts)[] },
  ) {
    this.#name = policy.name;
    this.isBlind = policy.isBlind ?? false;
    this.#replicas = fleet.replicas;
    this.#router = policy.start({
      ...fleet,
      listenToCaches: (listener) => {
        this.isOrdered ||= listener.isOrdered ?? false;
        fleet.listenToCaches(listener);
      },
    });
  }

  /**
   * The replica that a request is sent to.
   * @throws InputError when the router names one that is not there, or takes no requests
   */
  route(request: EngineRequest, nowMs: Ms): number {
    const replicas = this.#replicas;
    const replica = this.#router.route(request, replicas, nowMs);
    if (!Number.isInteger(replica) || replica < 0 || replica >= replicas.length)
      throw new InputError(
        `router "${this.#name}": route() returned ${describeValue(replica)}, expected a replica from 0 to ${replicas.length - 1}`,
      );
    const view = replicas[replica];
    if (!view.isOpen)
      throw new InputError(
        `router "${this.#name}": route() returned ${replica}, a replica that takes no requests: ask its view's isOpen`,
      );
    view.sent(request);
    return replica;
  }

  firstToken(request: EngineRequest, replica: number, atMs: Ms): void {
    this.#replicas[replica].gotFirstToken(request);
    this.#router.onFirstToken?.(request, replica, atMs);
  }

  ended(request: EngineRequest, replica: number, atMs: Ms): void {
    this.#replicas[replica].ended(request);
    this.#router.onEnd?.(request, replica, atMs);
  }

  /** A replica begins or ceases to take requests. */
  setOpen(replica: number, isOpen: boolean, atMs: Ms): void {
    this.#replicas[replica].isOpen = isOpen;
    this.#router.onReplica?.(replica, atMs);
  }
}
