import type { Ms, Tokens } from "../base/index.js";
import type { RequestRouting } from "./client-notices.js";
import type { EngineRequest } from "./engine-request.js";
import { type KvLink, transferMs } from "./kv-transfers.js";
import type { Replica } from "./replica.js";
import type { ReplicaEventOutcome } from "./replica-events.js";
import type { EngineTotals } from "./simulation-run.js";

/** What prefill engines did of a run whose prefills and decodes are apart: one entry a request, times of virtual time. */
export interface PrefillRun {
  /** Prefill engines, those among them that were added. */
  readonly replicas: number;
  readonly engines: readonly EngineTotals[];
  /** What happened to them, in order of time; undefined where nothing was to happen. */
  readonly replicaEvents?: readonly ReplicaEventOutcome[];
  /** The prefill engine, from 0; -1 where the decode engine computed the prompt itself. */
  readonly replica: Int32Array;
  /** When that one admitted it, and when its KV was computed and the decode engine was told; NaN where that was never. */
  readonly admittedMs: Float64Array;
  readonly computedMs: Float64Array;
  /** When the decode engine had room and asked for the KV, and when it had it. */
  readonly askedMs: Float64Array;
  readonly movedMs: Float64Array;
  /** Of its prompt, tokens that the decode engine found in its own cache, and tokens of the blocks that were moved; -1 where none were asked for. */
  readonly foundTokens: Int32Array;
  readonly movedTokens: Int32Array;
}

/** The run that hand-overs are part of. */
export interface HandOverRun {
  readonly requests: readonly EngineRequest[];
  readonly prefills: readonly Replica[];
  readonly decoders: readonly Replica[];
  /** The decode engine of each request. */
  readonly decoderOf: Int32Array;
  readonly link: KvLink;
  routing(): RequestRouting;
  hasEnded(request: number): boolean;
  /** Calls {@link HandOvers.tell} then. */
  tellAt(request: number, atMs: Ms): void;
  deliver(request: number, atMs: Ms, replica: Replica): void;
  /** Lets an engine that sleeps look at what is there: now, or then. */
  wake(replica: Replica, atMs: Ms): void;
  wakeAt(replica: Replica, atMs: Ms): void;
}

/**
 * Where a request is whose prefill and decode are apart: computing, until its prefill engine has computed it; computed, until its
 * decode engine is told; told, until that one has room for it; moving, from then on.
 */
const Stage = { none: 0, computing: 1, computed: 2, told: 3, moving: 4 } as const;

/** KV that a decode engine was to read is given up so long after that one has gone: vLLM's `kv_lease_duration`. */
const KV_LEASE_MS = 30_000;

/**
 * Requests whose prompt one engine computes and another one's decodes follow, and the KV on its way between them. As vLLM 0.32's
 * NixlConnector has it (`vllm/distributed/kv_transfer/kv_connector/v1/nixl/pull_scheduler.py`): the prefill engine serves a request
 * of a single token and keeps its blocks; the decode engine takes blocks for all of the prompt, and pulls those that its own prefix
 * cache does not have, in whole blocks, beside its steps. A transfer waits until both ends are free: each engine's network carries one
 * at a time, in the order asked for.
 */
export class HandOvers {
  readonly #run: HandOverRun;
  readonly #replica: Int32Array;
  readonly #admittedMs: Float64Array;
  readonly #computedMs: Float64Array;
  readonly #askedMs: Float64Array;
  readonly #movedMs: Float64Array;
  readonly #foundTokens: Int32Array;
  readonly #movedTokens: Int32Array;
  readonly #stage: Uint8Array;
  /** By request: its slot at the prefill engine, and at the decode engine; -1 outside. */
  readonly #prefillSlot: Int32Array;
  readonly #decodeSlot: Int32Array;
  /** When each end of the network is free, by engine. */
  readonly #sendsFreeMs: Float64Array;
  readonly #readsFreeMs: Float64Array;

  constructor(run: HandOverRun) {
    const n = run.requests.length;
    this.#run = run;
    this.#sendsFreeMs = new Float64Array(run.prefills.length);
    this.#readsFreeMs = new Float64Array(run.decoders.length);
    this.#replica = new Int32Array(n).fill(-1);
    this.#admittedMs = new Float64Array(n).fill(Number.NaN);
    this.#computedMs = new Float64Array(n).fill(Number.NaN);
    this.#askedMs = new Float64Array(n).fill(Number.NaN);
    this.#movedMs = new Float64Array(n).fill(Number.NaN);
    this.#foundTokens = new Int32Array(n).fill(-1);
    this.#movedTokens = new Int32Array(n).fill(-1);
    this.#stage = new Uint8Array(n);
    this.#prefillSlot = new Int32Array(n).fill(-1);
    this.#decodeSlot = new Int32Array(n).fill(-1);
  }

  /** What came of it, when the run is over. */
  columns(): Omit<PrefillRun, "engines"> {
    return {
      replicas: this.#run.prefills.length,
      replica: this.#replica,
      admittedMs: this.#admittedMs,
      computedMs: this.#computedMs,
      askedMs: this.#askedMs,
      movedMs: this.#movedMs,
      foundTokens: this.#foundTokens,
      movedTokens: this.#movedTokens,
    };
  }

  /** Whether a prefill engine was to compute the request. */
  isRemote(request: number): boolean {
    return this.#replica[request] >= 0;
  }

  /** Whether the request has not got to its decode engine. */
  isBefore(request: number): boolean {
    const stage = this.#stage[request];
    return stage === Stage.computing || stage === Stage.computed;
  }

  /**
   * A request is sent to a decode engine: a prefill engine comes first, if the routing says so.
   * @returns the engine that it goes to; undefined where one of the two can never hold it
   */
  send(request: number, decoder: Replica, atMs: Ms): Replica | undefined {
    const { requests, prefills, routing } = this.#run;
    const prefill = routing().prefill?.(requests[request], decoder.index, atMs) ?? -1;
    this.#replica[request] = prefill;
    this.#stage[request] = prefill < 0 ? Stage.none : Stage.computing;
    this.#prefillSlot[request] = -1;
    this.#decodeSlot[request] = -1;
    this.#admittedMs[request] = Number.NaN;
    this.#computedMs[request] = Number.NaN;
    this.#askedMs[request] = Number.NaN;
    this.#movedMs[request] = Number.NaN;
    this.#foundTokens[request] = -1;
    this.#movedTokens[request] = -1;
    const holds = decoder.canHold(requests[request]);
    if (prefill < 0) return holds ? decoder : undefined;
    if (holds && prefills[prefill].canHold(firstTokenOf(requests[request]))) return prefills[prefill];
    this.leave(request, atMs);
    return undefined;
  }

  /**
   * A request reaches an engine.
   * @returns its slot there
   */
  take(request: number, { core, isPrefill }: Replica): number {
    const asked = this.#run.requests[request];
    if (isPrefill) {
      this.#prefillSlot[request] = core.submit(firstTokenOf(asked), request);
      return this.#prefillSlot[request];
    }
    const remoteTokens = this.#stage[request] === Stage.told ? asked.promptTokens : 0;
    this.#decodeSlot[request] = core.submit(asked, request, remoteTokens);
    return this.#decodeSlot[request];
  }

  /** @returns whether the request in this slot of a prefill engine is still wanted there */
  admitted(request: number, slot: number, atMs: Ms): boolean {
    if (this.#prefillSlot[request] !== slot) return false;
    this.#admittedMs[request] = atMs;
    return true;
  }

  /** A step of a prefill engine is over: decode engines are told of what is computed, and the KV stays until it has been read. */
  endStep({ core, nowMs, timer }: Replica): void {
    for (const slot of core.finished) {
      const request = core.slots.tag[slot];
      // Of one that is nobody's any more, and is about to be aborted.
      if (this.#prefillSlot[request] !== slot || this.#stage[request] !== Stage.computing) continue;
      this.#stage[request] = Stage.computed;
      this.#computedMs[request] = nowMs + timer.emissionOverheadMs();
      this.#run.tellAt(request, this.#computedMs[request]);
    }
  }

  /** The decode engine of a request is told that its prompt is computed. */
  tell(request: number, atMs: Ms): void {
    // Of one that was sent again meanwhile, and was not computed a second time.
    if (this.#stage[request] !== Stage.computed || this.#computedMs[request] !== atMs) return;
    this.#stage[request] = Stage.told;
    this.#notePrefillEnded(request, atMs);
    const { deliver, decoders, decoderOf } = this.#run;
    deliver(request, atMs, decoders[decoderOf[request]]);
  }

  /**
   * A decode engine has room for a request, and reads its KV.
   * @returns when it has that, and the prefill engine lets go of it
   */
  move(request: number, decoder: number, foundTokens: Tokens, tokens: Tokens, nowMs: Ms): Ms {
    const { prefills, decoders, link, wakeAt } = this.#run;
    const { blockSize } = decoders[decoder].core.cache;
    const movedTokens = Math.ceil(tokens / blockSize) * blockSize;
    const prefill = this.#replica[request];
    const beginsMs = Math.max(nowMs, this.#sendsFreeMs[prefill], this.#readsFreeMs[decoder]);
    const endMs = beginsMs + transferMs(link, movedTokens);
    this.#sendsFreeMs[prefill] = endMs;
    this.#readsFreeMs[decoder] = endMs;
    this.#stage[request] = Stage.moving;
    this.#askedMs[request] = nowMs;
    this.#movedMs[request] = endMs;
    this.#foundTokens[request] = foundTokens;
    this.#movedTokens[request] = movedTokens;
    prefills[prefill].core.letGo(this.#prefillSlot[request], endMs);
    wakeAt(prefills[prefill], endMs);
    return endMs;
  }

  /**
   * A request is no longer wanted at its prefill engine, which has it or holds its KV.
   * @param untilMs until when KV that is computed is held
   * @returns whether it had not got to its decode engine
   */
  leave(request: number, atMs: Ms, untilMs: Ms = atMs): boolean {
    const { prefills, wake, wakeAt } = this.#run;
    const stage = this.#stage[request];
    if (stage === Stage.none || stage === Stage.moving) return false;
    const replica = prefills[this.#replica[request]];
    const slot = this.#prefillSlot[request];
    this.#stage[request] = Stage.none;
    this.#prefillSlot[request] = -1;
    if (stage === Stage.computing) {
      replica.remove(request, slot);
      wake(replica, atMs);
    } else {
      replica.core.letGo(slot, untilMs);
      wakeAt(replica, untilMs);
    }
    if (stage === Stage.told) return false;
    this.#notePrefillEnded(request, atMs);
    return true;
  }

  /**
   * A decode engine stops: what prefill engines were computing for it is no longer wanted, and what they hold for it is let go when the
   * lease is over.
   * @returns requests that had not got to it
   */
  stopDecoder(decoder: Replica, atMs: Ms): number[] {
    const { requests, decoderOf, hasEnded } = this.#run;
    const gone: number[] = [];
    for (let request = 0; request < requests.length; request++)
      if (decoderOf[request] === decoder.index && !hasEnded(request))
        if (this.leave(request, atMs, atMs + KV_LEASE_MS)) gone.push(request);
    return gone;
  }

  /**
   * A prefill engine stops: what it computed and was not read is gone with it, wherever its request is.
   * @returns requests that are gone
   */
  stopPrefill(prefill: number, atMs: Ms): number[] {
    const { requests, decoders, decoderOf, hasEnded, wake } = this.#run;
    const stage = this.#stage;
    const gone: number[] = [];
    for (let request = 0; request < requests.length; request++) {
      if (this.#replica[request] !== prefill || stage[request] === Stage.none || hasEnded(request)) continue;
      if (stage[request] === Stage.moving && this.#movedMs[request] <= atMs) continue;
      gone.push(request);
      if (stage[request] >= Stage.told) {
        const decoder = decoders[decoderOf[request]];
        decoder.remove(request, this.#decodeSlot[request]);
        wake(decoder, atMs);
      } else this.#notePrefillEnded(request, atMs);
      stage[request] = Stage.none;
    }
    return gone;
  }

  #notePrefillEnded(request: number, atMs: Ms): void {
    const { routing, requests } = this.#run;
    routing().prefillEnded?.(requests[request], this.#replica[request], atMs);
  }
}

/** What a prefill engine is asked for of a request. */
function firstTokenOf(request: EngineRequest): EngineRequest {
  return { ...request, outputTokens: 1 };
}
