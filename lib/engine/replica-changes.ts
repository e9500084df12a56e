import type { Ms, Tokens } from "../base/index.js";
import type { StepTimer } from "../latency/index.js";
import type { ClientNotices, RequestRouting } from "./client-notices.js";
import type { EngineCore } from "./engine-core.js";
import type { RunRecord } from "./engine-run.js";
import type { HandOvers } from "./hand-overs.js";
import type { Replica } from "./replica.js";
import {
  type OnLoss,
  onLosses,
  orderedEvents,
  type ReplicaEvent,
  type ReplicaEventOutcome,
} from "./replica-events.js";
import { Phase } from "./request-slots.js";
import { type RunOptions, requireWord } from "./run-options.js";

/** The run that replicas come to and leave. */
export interface ReplicaChangesOptions {
  readonly run: RunOptions;
  /** All engines, those that prefill after the `decoders` others. */
  readonly replicas: readonly Replica[];
  readonly decoders: number;
  readonly record: RunRecord;
  readonly routing: RequestRouting | undefined;
  readonly notices: ClientNotices | undefined;
  readonly handOvers: HandOvers | undefined;
  /** Slot of each request in its engine, -1 outside; kept only where there is a time limit. */
  readonly slotOf: Int32Array | undefined;
  readonly startCore: (index: number, timer: StepTimer) => EngineCore;
  readonly send: (index: number, atMs: Ms) => void;
  /** A request is lost, and its client hears of it. */
  readonly lost: (index: number, atMs: Ms) => void;
}

/** What happens to replicas in a run: engines stop, come back empty, or join, and what becomes of the requests that they had. */
export class ReplicaChanges {
  readonly #options: ReplicaChangesOptions;
  readonly #untilMs: Ms;
  readonly #onLoss: OnLoss;
  readonly #events: readonly ReplicaEvent[];
  readonly #prefillEvents: readonly ReplicaEvent[];
  /** What each did, as far as the run came. */
  readonly outcomes: ReplicaEventOutcome[] = [];
  readonly prefillOutcomes: ReplicaEventOutcome[] = [];
  /** Requests that were sent while no replica was open: they go to the first that opens. */
  readonly #held = new Set<number>();

  /** @throws InputError for an event that cannot be, or `onLoss` that there is not */
  constructor(options: ReplicaChangesOptions) {
    const { replicas, replicaEvents, prefill, onLoss = "resend", untilMs } = options.run;
    this.#options = options;
    this.#untilMs = untilMs ?? Number.POSITIVE_INFINITY;
    this.#onLoss = requireWord("onLoss", onLosses, onLoss);
    this.#events = orderedEvents(replicas, replicaEvents ?? []);
    this.#prefillEvents = orderedEvents(prefill?.replicas ?? 0, prefill?.replicaEvents ?? []);
  }

  /** When each happens: those of replicas in order, then those of prefill engines. */
  get timesMs(): Ms[] {
    return [...this.#events, ...this.#prefillEvents].map(({ atMs }) => atMs);
  }

  /** How many there are. */
  get count(): number {
    return this.#events.length + this.#prefillEvents.length;
  }

  /** The k-th of `timesMs` happens. */
  happen(k: number): void {
    const event = this.#events[k] ?? this.#prefillEvents[k - this.#events.length];
    if (event.atMs > this.#untilMs) return;
    if (k < this.#events.length) this.#change(event);
    else this.#changePrefill(event);
  }

  /** Keeps a request for the first replica that opens, where none is open. */
  holdsBack(index: number): boolean {
    if (this.#events.length === 0) return false;
    if (this.#options.replicas.some(({ isOpen, isPrefill }) => isOpen && !isPrefill)) return false;
    this.#held.add(index);
    return true;
  }

  /** The client of a request gives up: whether it was held back, and is no more. */
  letGo(index: number): boolean {
    return this.#held.delete(index);
  }

  #change(event: ReplicaEvent): void {
    const { replicas, notices, routing, send } = this.#options;
    const { atMs, does } = event;
    const replica = replicas[event.replica];
    const gone =
      does === "stop" || does === "restart" ? this.#stop(replica, atMs) : new Map<number, Tokens>();
    this.outcomes.push({ ...event, requests: [...gone.keys()] });
    if (gone.size > 0) notices?.dropFirstTokens(new Set(gone.keys()));
    for (const index of gone.keys()) notices?.ended(index, atMs);
    notices?.tellUntil(atMs);
    replica.isOpen = does === "add" || does === "restart";
    routing?.setOpen?.(replica.index, replica.isOpen, atMs);
    this.#giveBack(gone, atMs);
    if (!replica.isOpen) return;
    const held = [...this.#held];
    this.#held.clear();
    for (const index of held) send(index, atMs);
  }

  /** What a prefill engine computed and was not read is gone with it, wherever its request is. */
  #changePrefill(event: ReplicaEvent): void {
    const { replicas, decoders, notices, routing } = this.#options;
    const { atMs, does } = event;
    const replica = replicas[decoders + event.replica];
    const gone = does === "stop" || does === "restart" ? this.#stopPrefill(replica, atMs) : [];
    this.prefillOutcomes.push({ ...event, requests: gone });
    for (const index of gone) notices?.ended(index, atMs);
    notices?.tellUntil(atMs);
    replica.isOpen = does === "add" || does === "restart";
    routing!.setPrefillOpen?.(event.replica, replica.isOpen, atMs);
    this.#giveBack(new Map(gone.map((index) => [index, 0])), atMs);
  }

  /** Requests that are gone with their engine, and the tokens that came of each: clients send them again, or do not. */
  #giveBack(gone: ReadonlyMap<number, Tokens>, atMs: Ms): void {
    const { record, send, lost } = this.#options;
    for (const [index, emittedTokens] of gone)
      if (this.#onLoss === "resend") {
        record.resend(index);
        send(index, atMs);
      } else {
        record.lose(index, emittedTokens, atMs);
        lost(index, atMs);
      }
  }

  /** @returns requests that are gone with it */
  #stopPrefill(replica: Replica, atMs: Ms): number[] {
    const { handOvers, decoders } = this.#options;
    const gone = handOvers!.stopPrefill(replica.index - decoders, atMs);
    this.#forgetSlots(gone);
    this.#replaceCore(replica, atMs);
    return gone;
  }

  /** An engine stops in whatever it does, and an empty one takes its place; tokens that came of the requests that it had. */
  #stop(replica: Replica, atMs: Ms): Map<number, Tokens> {
    const { run, record, handOvers } = this.#options;
    const { core, arrivals } = replica;
    const { slots } = core;
    const inside: [index: number, emittedTokens: Tokens][] = [];
    while (arrivals.length > 0) {
      const event = arrivals.pop();
      if (event < run.requests.length) inside.push([event, 0]);
    }
    // A step that only decodes is made whole, and may end later: its tokens do not come.
    const unseen = !replica.isStepping && replica.nowMs > atMs ? 1 : 0;
    for (let slot = 0; slot < slots.count; slot++) {
      const phase = slots.phase[slot];
      // One that is leaving may be at work elsewhere.
      if (phase === Phase.unused || phase === Phase.leaving) continue;
      inside.push([slots.tag[slot], core.emittedTokens(slot) - (phase === Phase.decoding ? unseen : 0)]);
    }
    for (const index of handOvers?.stopDecoder(replica, atMs) ?? []) inside.push([index, 0]);
    this.#replaceCore(replica, atMs);
    this.#forgetSlots(inside.map(([index]) => index));
    // Those whose client has gone already are nobody's any more.
    const gone = inside.filter(([index]) => !record.hasEnded(index)).sort(([a], [b]) => a - b);
    for (const [index, emittedTokens] of inside)
      if (record.hasEnded(index)) record.leave(index, emittedTokens, atMs);
    return new Map(gone);
  }

  #forgetSlots(indices: readonly number[]): void {
    const { slotOf } = this.#options;
    if (slotOf) for (const index of indices) slotOf[index] = -1;
  }

  /** An engine that stops gives back all that it holds, and an empty one takes its place. */
  #replaceCore(replica: Replica, atMs: Ms): void {
    const { record, startCore } = this.#options;
    const { core } = replica;
    if (replica.isStepping) {
      core.endStep();
      core.dropFinished();
    }
    core.stop();
    record.addTotals(core);
    replica.replaceCore(startCore(replica.index, replica.timer), atMs);
  }
}
