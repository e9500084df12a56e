import type { Ms, RandomStream } from "../base/index.js";
import type { EngineRequest, EngineView } from "../engine/index.js";

/** What may be seen of a replica: as of now, and exactly. */
export type ReplicaView = EngineView;

/** The fleet that a router works for. */
export interface RoutedFleet {
  readonly replicas: readonly ReplicaView[];
  /** For draws of the router's own: the same run gives the same draws. */
  readonly random: RandomStream;
}

/** Which replica a request is sent to: a value that holds no state and starts that of one fleet. */
export interface RouterPolicy {
  /** The word for it on a command line. */
  readonly name: string;
  start(fleet: RoutedFleet): Router;
}

/** A router at work. */
export interface Router {
  /** The replica's index, when the client sends the request. */
  route(request: EngineRequest, replicas: readonly ReplicaView[], nowMs: Ms): number;
}
