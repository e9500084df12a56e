import { InputError, type Ms, requireInteger } from "../base/index.js";
import type { KvTier } from "../cache/index.js";
import type { StepTimer } from "../latency/index.js";
import { ClientNotices, type RequestRouting } from "./client-notices.js";
import { createEngine } from "./create-engine.js";
import type { EngineCore } from "./engine-core.js";
import { engineOptions } from "./engine-options.js";
import type { EngineRequest } from "./engine-request.js";
import { type EngineRun, RunRecord } from "./engine-run.js";
import { EventHeap } from "./event-heap.js";
import { Followers } from "./followers.js";
import { HandOvers } from "./hand-overs.js";
import { type OnTimeout, onTimeouts } from "./on-timeout.js";
import { Replica } from "./replica.js";
import { ReplicaChanges } from "./replica-changes.js";
import { replicaCount } from "./replica-events.js";
import { replicaSeed } from "./replica-seed.js";
import { Phase } from "./request-slots.js";
import {
  isOpenLoop,
  type PrefillEngines,
  type RunOptions,
  requireLimit,
  requireWord,
} from "./run-options.js";
import { sharedStore } from "./shared-store.js";
import type { EngineTotals } from "./simulation-run.js";
import { TurnQueue } from "./turn-queue.js";

/** Steps between two calls of `onProgress`. */
const PROGRESS_STEPS = 0x10000;

/**
 * Runs requests through one or several equal engines in virtual time: open loop where they carry a firing time, closed
 * loop where they follow others or are sent in turn. Deterministic: the same requests, model, options and seed give the same
 * numbers. Requests that follow one another in a circle are never sent, as those whose parent does not complete.
 *
 * Of what happens at one instant, steps end first, then requests are sent or given up, then steps begin; engines in order.
 * Where prefills are apart, a request goes to its prefill engine as one of a single token, which nobody gets (vLLM's proxy asks for
 * `max_tokens` 1); then to its decode engine, which reads the KV that it does not hold, computes the last prompt token again and
 * gives the first token. What a stopped engine computed and had not handed over is lost with it, as `onLoss` says
 * (`kv_load_failure_policy` "fail").
 * @throws InputError when a request has neither or several of `fireAtMs`, `after` and `inTurn`, or follows itself or none;
 * when `requestTimeoutMs` is not above zero
 */
export function runEngines(options: RunOptions): EngineRun {
  requireInteger("runEngines", "replicas", options.replicas, 1);
  return new VirtualRun(options).run();
}

class VirtualRun {
  readonly #requests: readonly EngineRequest[];
  /** All engines, those that prefill after the others. */
  readonly #replicas: readonly Replica[];
  /** How many of them are not for prefills only. */
  readonly #decoders: number;
  /** What engines share behind their pools, where there is such a store. */
  readonly #store: KvTier | undefined;
  /** Where prefills are apart. */
  readonly #handOvers: HandOvers | undefined;
  readonly #record: RunRecord;
  /** Undefined where there is one engine only. */
  readonly #routing: RequestRouting | undefined;
  readonly #notices: ClientNotices | undefined;
  /** Whether nothing that engines do makes a client send: then each runs by itself from one send to the next. */
  readonly #isApart: boolean;
  /**
   * What clients do: where it must be chosen to which engine, requests to be sent and, beyond them in number, ends of
   * requests in turn; beyond these, requests to give up on, prompts computed elsewhere, what happens to replicas, and engines to wake. With one engine and no time limit the former wait among its
   * arrivals. Among an engine's arrivals the last are requests to drop.
   */
  readonly #sends = new EventHeap();
  readonly #turns: TurnQueue;
  /** When engines act next. An entry that is not its engine's `nextMs` is out of date. */
  readonly #ready = new EventHeap();
  readonly #followers: Followers;
  readonly #untilMs: Ms;
  /** Infinity where clients have no time limit. */
  readonly #limitMs: Ms;
  readonly #onTimeout: OnTimeout;
  readonly #options: RunOptions;
  readonly #changes: ReplicaChanges;
  /** Slot of each request in its engine, -1 outside; kept only where there is a time limit. */
  readonly #slotOf: Int32Array | undefined;
  readonly #onProgress: ((fraction: number) => void) | undefined;
  #nextProgressStep = 0;

  constructor(options: RunOptions) {
    const { requests, onTimeout = "next-turn", replicaEvents, prefill } = options;
    const replicas = replicaCount(options.replicas, replicaEvents);
    const prefills = prefill ? replicaCount(prefill.replicas, prefill.replicaEvents) : 0;
    this.#requests = requests;
    this.#options = options;
    this.#decoders = replicas;
    this.#limitMs = requireLimit(options.requestTimeoutMs);
    this.#onTimeout = requireWord("onTimeout", onTimeouts, onTimeout);
    const hasLimit = this.#limitMs < Number.POSITIVE_INFINITY;
    this.#slotOf = hasLimit ? new Int32Array(requests.length).fill(-1) : undefined;
    this.#record = new RunRecord(requests, replicas, hasLimit ? this.#limitMs : undefined);
    this.#untilMs = options.untilMs ?? Number.POSITIVE_INFINITY;
    this.#onProgress = options.onProgress;
    this.#followers = new Followers(requests, (index, atMs) => this.#fire(index, atMs));
    if (replicas + prefills > 1) this.#store = storeOf(options);
    this.#replicas = Array.from({ length: replicas + prefills }, (_, index) => this.#startReplica(index));
    for (const replica of this.#replicas)
      replica.isOpen = replica.isPrefill
        ? replica.index - replicas < prefill!.replicas
        : replica.index < options.replicas;
    if (prefill) this.#handOvers = this.#startHandOvers(prefill);
    const isAlone = replicas === 1 && !replicaEvents?.length && !prefill;
    this.#routing = isAlone
      ? undefined
      : options.routing(this.#replicas.slice(0, replicas), this.#replicas.slice(replicas));
    this.#isApart =
      this.#routing !== undefined &&
      !this.#routing.isOrdered &&
      !this.#store &&
      !prefill &&
      isOpenLoop(options);
    const isTold = this.#routing?.firstToken || this.#routing?.ended;
    if (this.#routing && isTold && !(this.#isApart && this.#routing.isBlind))
      this.#notices = new ClientNotices(requests, this.#record.replica, this.#routing);
    this.#changes = new ReplicaChanges({
      run: options,
      replicas: this.#replicas,
      decoders: replicas,
      record: this.#record,
      routing: this.#routing,
      notices: this.#notices,
      handOvers: this.#handOvers,
      slotOf: this.#slotOf,
      startCore: (index, timer) => this.#startCore(index, timer),
      send: (index, atMs) => this.#send(index, atMs),
      lost: (index, atMs) => this.#goOnWithout(index, atMs),
    });
    this.#turns = new TurnQueue(requests, (index, atMs) => this.#fire(index, atMs));
  }

  run(): EngineRun {
    const requests = this.#requests;
    for (const [k, atMs] of this.#changes.timesMs.entries()) this.#sends.push(atMs, 4 * requests.length + k);
    for (let i = 0; i < requests.length; i++) {
      const { fireAtMs } = requests[i];
      if (fireAtMs !== undefined) this.#fire(i, fireAtMs);
    }
    this.#turns.start();
    if (this.#isApart) this.#runApart();
    else this.#runTogether();
    return this.#finish();
  }

  /** All engines in order of time. */
  #runTogether(): void {
    const due: Replica[] = [];
    for (;;) {
      const atMs = Math.min(this.#ready.nextKey, this.#sends.nextKey);
      if (atMs === Number.POSITIVE_INFINITY) break;
      this.#takeDue(atMs, due);
      for (const replica of due) if (replica.isStepping) this.#endStep(replica);
      while (this.#sends.nextKey === atMs) this.#doClient(this.#sends.pop(), atMs);
      // Of several that begin together, none may run ahead of what the others' steps bring.
      const othersMs = due.length === 1 ? this.#ready.nextKey : justAfter(atMs);
      for (const replica of due) this.#actAt(replica, this.#runUntil(replica, othersMs));
    }
  }

  /** Each engine by itself, up to what clients do next: what comes of it is the same as together. */
  #runApart(): void {
    // Without time limits and events of replicas, clients do nothing but send.
    if (this.#routing!.isBlind && !this.#slotOf && this.#changes.count === 0)
      for (let atMs = this.#sends.nextKey; this.#sends.length > 0; atMs = this.#sends.nextKey)
        this.#send(this.#sends.pop(), atMs);
    for (;;) {
      const atMs = this.#sends.nextKey;
      for (const replica of this.#replicas) {
        while (replica.nextMs < atMs) {
          if (replica.isStepping) this.#endStep(replica);
          replica.nextMs = this.#runUntil(replica, Number.POSITIVE_INFINITY);
        }
        if (replica.nextMs === atMs && replica.isStepping) this.#endStep(replica);
      }
      if (atMs === Number.POSITIVE_INFINITY) break;
      while (this.#sends.nextKey === atMs) this.#doClient(this.#sends.pop(), atMs);
    }
  }

  /** Engines that act at this instant, in order. */
  #takeDue(atMs: Ms, due: Replica[]): void {
    due.length = 0;
    while (this.#ready.nextKey === atMs) {
      const replica = this.#replicas[this.#ready.pop()];
      if (replica.nextMs !== atMs) continue;
      replica.nextMs = Number.POSITIVE_INFINITY;
      due.push(replica);
    }
    if (due.length > 1) due.sort((a, b) => a.index - b.index);
  }

  #actAt(replica: Replica, atMs: Ms): void {
    replica.nextMs = atMs;
    if (atMs < Number.POSITIVE_INFINITY && !this.#isApart) this.#ready.push(atMs, replica.index);
  }

  /** The client sends a request, which may be in the future. */
  #fire(index: number, atMs: Ms): void {
    this.#record.fireMs[index] = atMs;
    if (this.#slotOf) this.#sends.push(atMs + this.#limitMs, 2 * this.#requests.length + index);
    if (this.#routing) this.#sends.push(atMs, index);
    else this.#deliver(index, atMs, this.#replicas[0]);
    this.#followers.sent(index, atMs);
  }

  /** The client has the last token of a request in turn. */
  #endTurn(index: number, atMs: Ms): void {
    const events = this.#routing || this.#slotOf ? this.#sends : this.#replicas[0].arrivals;
    events.push(atMs, this.#requests.length + index);
  }

  #doClient(event: number, atMs: Ms): void {
    const count = this.#requests.length;
    if (event >= 4 * count) this.#doElse(event - 4 * count, atMs);
    else if (event >= 3 * count) this.#handOvers!.tell(event - 3 * count, atMs);
    else if (event >= 2 * count) this.#giveUp(event - 2 * count, atMs);
    else if (event >= count) this.#turns.ended(atMs);
    else this.#send(event, atMs);
  }

  #send(index: number, atMs: Ms): void {
    const request = this.#requests[index];
    this.#notices?.tellUntil(atMs);
    if (this.#changes.holdsBack(index)) return;
    const replica = this.#replicas[this.#routing!.route(request, atMs)];
    this.#record.replica[index] = replica.index;
    const first = this.#handOvers
      ? this.#handOvers.send(index, replica, atMs)
      : replica.canHold(request) && replica;
    if (first) this.#deliver(index, atMs, first);
    else this.#refuse(index, atMs);
  }

  /** What happens to a replica, or an engine that has something to do at last. */
  #doElse(event: number, atMs: Ms): void {
    const { count } = this.#changes;
    if (event < count) this.#changes.happen(event);
    else this.#wake(this.#replicas[event - count], atMs);
  }

  /** Wakes an engine then, if it sleeps. */
  #wakeAt(replica: Replica, atMs: Ms): void {
    this.#sends.push(atMs, 4 * this.#requests.length + this.#changes.count + replica.index);
  }

  #wake(replica: Replica, atMs: Ms): void {
    const wakeMs = Math.max(atMs, replica.nowMs);
    if (!replica.isStepping && wakeMs < replica.nextMs) this.#actAt(replica, wakeMs);
  }

  #refuse(index: number, atMs: Ms): void {
    this.#record.refuse(index);
    this.#notices?.ended(index, atMs);
    if (this.#requests[index].inTurn) this.#turns.ended(atMs);
  }

  /** The client's time limit for a request is over; its engine learns of it where it learns of arrivals. */
  #giveUp(index: number, atMs: Ms): void {
    const record = this.#record;
    if (record.hasEnded(index) || atMs > this.#untilMs) return;
    record.giveUp(index, atMs);
    if (!this.#changes.letGo(index)) {
      this.#notices?.ended(index, atMs);
      if (this.#handOvers?.isBefore(index)) {
        this.#handOvers.leave(index, atMs);
        record.leave(index, 0, atMs);
      } else this.#replicas[record.replica[index]].drop(atMs, 2 * this.#requests.length + index);
    }
    this.#goOnWithout(index, atMs);
  }

  /** A client whose request was given up or lost does what comes after. */
  #goOnWithout(index: number, atMs: Ms): void {
    if (this.#requests[index].inTurn) this.#turns.ended(atMs);
    if (this.#onTimeout === "next-turn") this.#followers.ended(index, atMs);
  }

  #deliver(index: number, atMs: Ms, replica: Replica): void {
    const arrivesMs = atMs + replica.timer.arrivalOverheadMs(this.#requests[index].promptTokens);
    if (!replica.isPrefill) this.#record.replica[index] = replica.index;
    replica.arrivals.push(arrivesMs, index);
    // One that is at work looks at its arrivals when its step ends.
    const isAsleep = !replica.isStepping && replica.core.isIdle;
    if (isAsleep && arrivesMs < replica.nextMs) this.#actAt(replica, Math.max(arrivesMs, replica.nowMs));
  }

  /**
   * Lets an engine that is between steps run until anything else happens: others act at `othersMs`, and requests that it
   * sends itself may have to be routed before. Returns when it must act next.
   */
  #runUntil(replica: Replica, othersMs: Ms): Ms {
    const { core } = replica;
    for (;;) {
      const boundMs = Math.min(othersMs, this.#sends.nextKey);
      replica.decodeUntil(Math.min(this.#untilMs, replica.nextEventMs, boundMs));
      if (replica.nowMs >= boundMs) return replica.nowMs;
      if (core.isIdle) {
        const { nextEventMs } = replica;
        // Others are to find what it stored, though nothing comes for it.
        if (this.#store && nextEventMs > replica.nowMs) core.settle();
        if (nextEventMs === Number.POSITIVE_INFINITY) return nextEventMs;
        const wakeMs = Math.max(replica.nowMs, nextEventMs);
        if (wakeMs >= boundMs) return wakeMs;
        replica.nowMs = wakeMs;
        // What had come when the last step began is in a step already: the engine does not sleep, nor look again.
        if (nextEventMs > replica.beganMs) replica.beganMs = wakeMs;
      }
      if (replica.nowMs >= this.#untilMs) return Number.POSITIVE_INFINITY;
      this.#takeArrived(replica);
      const beganMs = replica.nowMs;
      if (!replica.beginStep()) continue;
      this.#noteAdmissions(replica, beganMs);
      if (replica.nowMs >= boundMs) return replica.nowMs;
      this.#endStep(replica);
    }
  }

  #takeArrived(replica: Replica): void {
    const { core, arrivals } = replica;
    // vLLM's step_with_batch_queue: a step is composed while the one before it runs, so it knows what had come by then.
    const seenMs = core.options.asyncScheduling ? replica.beganMs : replica.nowMs;
    core.finishLoads(seenMs);
    while (arrivals.nextKey <= seenMs) {
      const atMs = arrivals.nextKey;
      const event = arrivals.pop();
      if (event >= this.#requests.length) this.#takeOther(replica, event, atMs);
      else if (this.#handOvers) this.#takeApart(replica, event, atMs);
      else if (!replica.canHold(this.#requests[event])) this.#refuse(event, atMs);
      else if (!this.#slotOf) core.submit(this.#requests[event], event);
      else if (atMs <= this.#record.fireMs[event] + this.#limitMs)
        this.#slotOf[event] = core.submit(this.#requests[event], event);
      // Its client gave up on it while it was on its way.
      else this.#record.leave(event, 0, atMs);
    }
  }

  /** A request reaches an engine of those that are apart. */
  #takeApart(replica: Replica, index: number, atMs: Ms): void {
    const handOvers = this.#handOvers!;
    if (!replica.isPrefill && atMs > this.#record.fireMs[index] + this.#limitMs) {
      handOvers.leave(index, replica.nowMs);
      this.#record.leave(index, 0, atMs);
      return;
    }
    const slot = handOvers.take(index, replica);
    if (this.#slotOf && !replica.isPrefill) this.#slotOf[index] = slot;
  }

  /** Of an engine's arrivals: the end of a turn, or a request to drop, which may have left it already. */
  #takeOther(replica: Replica, event: number, atMs: Ms): void {
    const slotOf = this.#slotOf;
    if (!slotOf) {
      this.#turns.ended(atMs);
      return;
    }
    const { core } = replica;
    const index = event - 2 * this.#requests.length;
    const slot = slotOf[index];
    replica.toDrop--;
    if (slot < 0) return;
    this.#handOvers?.leave(index, replica.nowMs);
    this.#record.leave(index, core.emittedTokens(slot), replica.nowMs);
    core.abort(slot);
    slotOf[index] = -1;
  }

  #noteAdmissions(replica: Replica, atMs: Ms): void {
    const { core, isPrefill } = replica;
    const { slots } = core;
    const { admittedMs, runningAtAdmission, cachedTokens } = this.#record;
    const handOvers = this.#handOvers;
    for (const slot of core.admitted) {
      const index = slots.tag[slot];
      if (slots.preemptions[slot] !== 0) continue;
      if (isPrefill) {
        if (handOvers!.admitted(index, slot, atMs)) cachedTokens[index] = slots.cachedTokens[slot];
        continue;
      }
      admittedMs[index] = atMs;
      runningAtAdmission[index] = core.runningCount;
      if (!handOvers?.isRemote(index)) cachedTokens[index] = slots.cachedTokens[slot];
    }
  }

  #endStep(replica: Replica): void {
    if (replica.isPrefill) this.#endPrefills(replica);
    else this.#endDecodes(replica);
    if (replica.toAbort.length > 0) replica.abortRemoved();
  }

  #endPrefills(replica: Replica): void {
    replica.core.endStep();
    replica.isStepping = false;
    replica.tellContents();
    this.#handOvers!.endStep(replica);
  }

  #endDecodes(replica: Replica): void {
    const { core, timer, nowMs } = replica;
    const { slots, step } = core;
    const record = this.#record;
    core.endStep();
    replica.isStepping = false;
    replica.tellContents();
    for (const slot of core.emittedFirst) {
      const index = slots.tag[slot];
      if (record.firstStep[index] < 0) {
        record.firstStep[index] = step;
        record.emissionMs[index] = timer.emissionOverheadMs();
        this.#noteFirstToken(index, nowMs + record.emissionMs[index]);
      } else {
        const windows = record.resumed.get(index) ?? [];
        windows.push([step, slots.emittedTokens[slot]]);
        record.resumed.set(index, windows);
      }
    }
    for (const slot of core.finished) {
      const index = slots.tag[slot];
      const doneMs = nowMs + record.emissionMs[index];
      if (this.#slotOf) {
        this.#slotOf[index] = -1;
        // The client has gone, or will have when the last token gets there.
        if (doneMs > record.fireMs[index] + this.#limitMs) {
          record.leave(index, this.#requests[index].outputTokens, nowMs);
          continue;
        }
      }
      record.complete(index, step);
      this.#notices?.ended(index, doneMs);
      if (this.#requests[index].inTurn) this.#endTurn(index, doneMs);
      this.#followers.ended(index, doneMs);
    }
    core.dropFinished();
    if (this.#onProgress && step >= this.#nextProgressStep) {
      this.#onProgress(record.completed / this.#requests.length);
      this.#nextProgressStep = step + PROGRESS_STEPS;
    }
  }

  #noteFirstToken(index: number, atMs: Ms): void {
    // After its client has gone, no one has it.
    if (this.#notices && atMs <= this.#record.fireMs[index] + this.#limitMs)
      this.#notices.firstToken(index, atMs);
  }

  #finish(): EngineRun {
    const record = this.#record;
    const prefillEngines: EngineTotals[] = [];
    for (const { core, nowMs, busyMs, kvLoads, pastPreemptions, isPrefill } of this.#replicas) {
      const { slots } = core;
      for (let slot = 0; slot < slots.count; slot++)
        if (slots.phase[slot] !== Phase.unused && !isPrefill)
          record.outputTokens[slots.tag[slot]] = core.emittedTokens(slot);
      record.addTotals(core);
      const engines = isPrefill ? prefillEngines : record.engines;
      engines.push({ busyMs, preemptions: pastPreemptions + core.preemptionCount });
      record.endMs = Math.max(record.endMs, nowMs);
      record.busyMs += busyMs;
      for (const load of kvLoads) record.kvLoads.push(load);
    }
    if (this.#options.replicaEvents) record.replicaEvents = this.#changes.outcomes;
    if (this.#handOvers) {
      const told = this.#options.prefill!.replicaEvents && { replicaEvents: this.#changes.prefillOutcomes };
      record.prefill = { ...this.#handOvers.columns(), engines: prefillEngines, ...told };
    }
    record.keepSteps(this.#replicas.map(({ log }) => log.columns()));
    return record;
  }

  #startReplica(index: number): Replica {
    const { seed = 0, model, keepLoads = false, prefill } = this.#options;
    const isPrefill = index >= this.#decoders;
    const timer = ((isPrefill && prefill?.model) || model).timer(replicaSeed(seed, index));
    const replica = new Replica(index, this.#startCore(index, timer), timer, keepLoads);
    replica.isPrefill = isPrefill;
    return replica;
  }

  #startCore(index: number, timer: StepTimer): EngineCore {
    const { watchCache, engine = {}, seed = 0, contentCount, prefill } = this.#options;
    const isPrefill = index >= this.#decoders;
    const core = createEngine(isPrefill ? { ...engine, ...prefill!.engine } : engine, timer, {
      seed: replicaSeed(seed, index),
      ...(prefill && { sharesKv: true }),
      ...(this.#store && { store: this.#store }),
      ...(contentCount !== undefined && { contentCount }),
      ...(watchCache && { watchCache: (cache, requestOf) => watchCache(cache, index, requestOf) }),
    });
    core.keepsEnded = isPrefill;
    if (prefill && !isPrefill)
      core.onReceive = (request, foundTokens, tokens, nowMs) =>
        this.#handOvers!.move(request, index, foundTokens, tokens, nowMs);
    return core;
  }

  #startHandOvers({ link }: PrefillEngines): HandOvers {
    const [{ options }, { options: prefill }] = [this.#replicas[0].core, this.#replicas[this.#decoders].core];
    for (const { prefixReuse } of [options, prefill])
      if (prefixReuse !== "blocks")
        throw new InputError(
          `runEngines: prefill engines hand over vLLM's blocks, and prefixReuse is "${prefixReuse}": give prefixReuse "blocks"`,
        );
    if (options.blockSize !== prefill.blockSize)
      throw new InputError(
        `runEngines: prefill engines have blocks of ${prefill.blockSize} tokens, those that decode of ${options.blockSize}: KV is read in whole blocks, give the same blockSize`,
      );
    return new HandOvers({
      requests: this.#requests,
      prefills: this.#replicas.slice(this.#decoders),
      decoders: this.#replicas.slice(0, this.#decoders),
      decoderOf: this.#record.replica,
      link,
      routing: () => this.#routing!,
      hasEnded: (index) => this.#record.hasEnded(index),
      tellAt: (index, atMs) => this.#sends.push(atMs, 3 * this.#requests.length + index),
      deliver: (index, atMs, replica) => this.#deliver(index, atMs, replica),
      wake: (replica, atMs) => this.#wake(replica, atMs),
      wakeAt: (replica, atMs) => this.#wakeAt(replica, atMs),
    });
  }
}

/** @throws InputError when prefill engines would share it in other pieces */
function storeOf({ engine, prefill }: RunOptions): KvTier | undefined {
  const options = engineOptions(engine);
  const store = sharedStore(options);
  if (!store || !prefill?.engine) return store;
  const { kvChunkTokens, blockSize } = engineOptions({ ...engine, ...prefill.engine });
  if ((kvChunkTokens ?? blockSize) !== (options.kvChunkTokens ?? options.blockSize))
    throw new InputError(
      "runEngines: prefill engines share the store of the others in other chunks: give the same kvChunkTokens",
    );
  return store;
}

/** The earliest time that is later. */
function justAfter(ms: Ms): Ms {
  return ms + Math.max(Number.MIN_VALUE, Math.abs(ms) * Number.EPSILON);
}
