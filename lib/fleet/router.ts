import type { Ms, RandomStream, Tokens } from "../base/index.js";
import type { EngineRequest, EngineView } from "../engine/index.js";

/** What any client knows of a replica by itself: what it sent there, and what came back. */
export interface ClientView {
  /** Which of the replicas it is. */
  readonly index: number;
  /** Whether it takes requests: it is there, and is not being drained. */
  readonly isOpen: boolean;
  /** Requests sent there that have not ended. */
  readonly inFlight: number;
  /** Their prompt tokens. */
  readonly inFlightPromptTokens: Tokens;
  /** Prompt tokens of those of them whose first token has not come. */
  readonly pendingPromptTokens: Tokens;
}

/** What may be seen of a replica whose engine tells of itself: as of now, and exactly. */
export interface ReplicaView extends ClientView, Omit<EngineView, "listenToCache"> {}

/**
 * What a router looks at: the client's own counts ({@link ClientView}), what engines tell of their load, or what their
 * caches hold. A router that only looks at own counts can be used with any server.
 */
export type RouterSight = "own-counts" | "engine-load" | "cache";

/**
 * Told of what replicas' caches come to hold and lose, a replica's events in order. `atMs` is when the step ended that did it: it
 * may lie ahead of the request that is routed next, and then is not to be known yet.
 */
export interface CacheListener {
  /** Whether events of different replicas must come in order of time. Default: those of one replica do. */
  readonly isOrdered?: boolean;
  stored(replica: number, contentId: number, atMs: Ms): void;
  evicted(replica: number, contentId: number, atMs: Ms): void;
}

/** The fleet that a router works for. */
export interface RoutedFleet<View extends ClientView = ReplicaView> {
  readonly replicas: readonly View[];
  /** Tokens a block: what one content id of a request stands for. */
  readonly blockSizeTokens: Tokens;
  /** For draws of the router's own: the same run gives the same draws. */
  readonly random: RandomStream;
  /**
   * From now on, tells this listener of the replicas' cache events; costs nothing where nobody asks.
   * @throws InputError when the caches do not tell
   */
  listenToCaches(listener: CacheListener): void;
}

/** Which replica a request is sent to: a value that holds no state and starts that of one fleet. */
export interface RouterPolicy<View extends ClientView = ReplicaView> {
  /** The word for it on a command line. */
  readonly name: string;
  /** What it looks at. Default: everything. */
  readonly sees?: RouterSight;
  /** Whether it goes by nothing but the request and which replicas are open. It is then told nothing after it was asked. */
  readonly isBlind?: boolean;
  start(fleet: RoutedFleet<View>): Router<View>;
}

/** A router that can be used with any server. */
export type ClientRouterPolicy = RouterPolicy<ClientView> & { readonly sees: "own-counts" };

/** The choice alone: a router that keeps nothing between requests. */
export type Route = (request: EngineRequest, replicas: readonly ReplicaView[], nowMs: Ms) => number;

/** A router at work. What it is told after {@link Router.route} is told in order of time, before the next request is routed. */
export interface Router<View extends ClientView = ReplicaView> {
  /** The replica's index, when the client sends the request: of one that is open. */
  route(request: EngineRequest, replicas: readonly View[], nowMs: Ms): number;
  /** The client has the request's first token. */
  onFirstToken?(request: EngineRequest, replica: number, nowMs: Ms): void;
  /** Nothing more comes of the request: it is complete, refused, given up, or lost with its replica. */
  onEnd?(request: EngineRequest, replica: number, nowMs: Ms): void;
  /** A replica opened or closed: its view's `isOpen` is what it is now. A closed one may have lost what it held. */
  onReplica?(replica: number, nowMs: Ms): void;
}
