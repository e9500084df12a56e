import type { Ms, Tokens } from "../../base/index.js";
import type { KvTier } from "../../cache/index.js";
import {
  type ContentListener,
  CoreView,
  createEngine,
  type EngineCore,
  type EngineOptions,
  type EngineView,
} from "../../engine/index.js";
import type { LatencyModel, StepTimer } from "../../latency/index.js";

/** What the engine tells about one request. Times are ms of engine time. */
export interface RequestEvents {
  /** The scheduler took it out of the queue. */
  admitted?(atMs: Ms, cachedTokens: Tokens): void;
  /** One more output token is out. */
  token(atMs: Ms): void;
}

/** One request of a {@link WallClockEngine}. */
export interface LiveRequest {
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly contentIds: Int32Array;
  /** Engine time at which it came. */
  readonly arrivedMs: Ms;
  readonly events: RequestEvents;
}

interface Entry extends LiveRequest {
  readonly readyMs: Ms;
  readonly emissionMs: Ms;
  /** In the core; undefined before. */
  slot: number | undefined;
  isOver: boolean;
}

/** Steps that are caught up with before the event loop gets a turn. */
const STEPS_A_TURN = 256;

/** Nearer ends than this are waited for turn by turn: timers are exact to a millisecond only. */
const SPIN_MS: Ms = 1;

/**
 * Runs the engine core by the wall clock, or a multiple of it: the same scheduler, cache and step times as in a
 * simulation. A step ends when the latency model says, and the next one begins at that very time, however late the
 * timer came, so that lateness does not add up.
 */
export class WallClockEngine extends CoreView implements EngineView {
  readonly isOpen = true;
  readonly core: EngineCore;
  /** Called at the end of each step. */
  onStep: (() => void) | undefined;
  readonly #timer: StepTimer;
  readonly #timeScale: number;
  readonly #startedAtMs = performance.now();
  /** On their way to the scheduler, by the time they reach it. */
  #arriving: Entry[] = [];
  readonly #entryOf = new Map<number, Entry>();
  readonly #aborting: Entry[] = [];
  /** End of the step in progress; undefined between steps. */
  #stepEndMs: Ms | undefined;
  #clockMs: Ms = 0;
  /** When the last step began, or the engine woke: what an asynchronous scheduler has seen. */
  #beganMs: Ms = 0;
  #wakeUp: NodeJS.Timeout | undefined;
  #isTurnDue = false;
  #isStopped = false;

  /** @param timeScale engine time over wall time: 10 runs ten times as fast */
  constructor(options: {
    readonly engine: Partial<EngineOptions>;
    readonly model: LatencyModel;
    readonly timeScale: number;
    readonly seed: number | string;
    /** The store that engines share, where the settings name one. Default: one of its own. */
    readonly store?: KvTier;
  }) {
    super();
    this.#timer = options.model.timer(options.seed);
    this.core = createEngine(options.engine, this.#timer, {
      seed: options.seed,
      ...(options.store && { store: options.store }),
    });
    this.#timeScale = options.timeScale;
  }

  /** Engine time. */
  nowMs(): Ms {
    return (performance.now() - this.#startedAtMs) * this.#timeScale;
  }

  get waiting(): number {
    return this.core.waitingCount + this.#arriving.length;
  }

  listenToCache(listener: ContentListener): void {
    this.listenToCore((contentId, isHeld) => listener(contentId, isHeld, this.#stepEndMs ?? this.#clockMs));
  }

  /**
   * Sends a request to the scheduler.
   * @returns ends it early, and frees its blocks
   */
  submit(request: LiveRequest): () => void {
    const entry: Entry = {
      ...request,
      readyMs: request.arrivedMs + this.#timer.arrivalOverheadMs(request.promptTokens),
      emissionMs: this.#timer.emissionOverheadMs(),
      slot: undefined,
      isOver: false,
    };
    let place = this.#arriving.length;
    while (place > 0 && this.#arriving[place - 1].readyMs > entry.readyMs) place--;
    this.#arriving.splice(place, 0, entry);
    if (this.#stepEndMs === undefined) this.#advance();
    return () => this.#abort(entry);
  }

  /** Ends every request and the clock. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#wakeUp);
    this.#arriving = [];
  }

  #abort(entry: Entry): void {
    if (entry.isOver) return;
    entry.isOver = true;
    if (entry.slot === undefined) this.#arriving = this.#arriving.filter((other) => other !== entry);
    else this.#aborting.push(entry);
    // The core takes requests out between steps only.
    if (this.#stepEndMs !== undefined) return;
    this.#dropAborted();
    // What it held may be what another one waits for.
    this.#advance();
  }

  #dropAborted(): void {
    for (const entry of this.#aborting.splice(0)) {
      if (entry.slot === undefined) continue;
      this.core.abort(entry.slot);
      this.#entryOf.delete(entry.slot);
      entry.slot = undefined;
    }
  }

  #advance(): void {
    if (this.#isStopped) return;
    const nowMs = this.nowMs();
    for (let steps = 0; ; ) {
      if (this.#stepEndMs === undefined && !this.#beginStep(nowMs)) return;
      if ((this.#stepEndMs as Ms) > nowMs) break;
      this.#endStep();
      if (++steps === STEPS_A_TURN) break;
    }
    this.#wakeAt(this.#stepEndMs ?? nowMs);
  }

  /** Begins a step at the end of the last one, or when the next request, or what one loads, reaches an idle engine. */
  #beginStep(nowMs: Ms): boolean {
    if (this.core.isIdle) {
      const nextMs = Math.min(this.#arriving[0]?.readyMs ?? Number.POSITIVE_INFINITY, this.core.nextLoadMs);
      if (nextMs === Number.POSITIVE_INFINITY) return false;
      if (nextMs > nowMs) {
        this.#wakeAt(nextMs);
        return false;
      }
      this.#clockMs = Math.max(this.#clockMs, nextMs);
      // What had come when the last step began is in a step already: the engine does not sleep, nor look again.
      if (nextMs > this.#beganMs) this.#beganMs = this.#clockMs;
    }
    this.#takeArrived();
    const stepMs = this.core.beginStep(this.#clockMs);
    // All that wait do so for what is being loaded.
    if (stepMs === undefined)
      return this.core.nextLoadMs < Number.POSITIVE_INFINITY && this.#beginStep(nowMs);
    this.#beganMs = this.#clockMs;
    for (const slot of this.core.admitted) {
      const entry = this.#entryOf.get(slot);
      if (entry && !entry.isOver) entry.events.admitted?.(this.#clockMs, this.core.cachedTokens(slot));
    }
    this.#stepEndMs = this.#clockMs + stepMs;
    return true;
  }

  #takeArrived(): void {
    let count = 0;
    const seenMs = this.core.options.asyncScheduling ? this.#beganMs : this.#clockMs;
    this.core.finishLoads(seenMs);
    while (count < this.#arriving.length && this.#arriving[count].readyMs <= seenMs) count++;
    for (const entry of this.#arriving.splice(0, count)) {
      entry.slot = this.core.submit(entry, 0);
      this.#entryOf.set(entry.slot, entry);
    }
  }

  #endStep(): void {
    const { core } = this;
    const emitting: { readonly entry: Entry; readonly tokens: Tokens }[] = [];
    core.endStep((slot, tokens) => {
      const entry = this.#entryOf.get(slot);
      if (entry) emitting.push({ entry, tokens });
    });
    this.#clockMs = this.#stepEndMs as Ms;
    this.#stepEndMs = undefined;
    for (const slot of core.finished) {
      const entry = this.#entryOf.get(slot);
      if (entry) entry.slot = undefined;
      this.#entryOf.delete(slot);
    }
    core.dropFinished();
    this.#dropAborted();
    for (const { entry, tokens } of emitting)
      for (let token = 0; token < tokens && !entry.isOver; token++) this.#emit(entry, this.#clockMs);
    this.onStep?.();
  }

  #emit(entry: Entry, atMs: Ms): void {
    if (entry.emissionMs === 0) {
      entry.events.token(atMs);
      return;
    }
    const outMs = atMs + entry.emissionMs;
    setTimeout(
      () => {
        if (!entry.isOver) entry.events.token(outMs);
      },
      (outMs - this.nowMs()) / this.#timeScale,
    );
  }

  #wakeAt(atMs: Ms): void {
    clearTimeout(this.#wakeUp);
    const waitMs = (atMs - this.nowMs()) / this.#timeScale;
    if (waitMs > SPIN_MS) {
      this.#wakeUp = setTimeout(() => this.#advance(), waitMs - SPIN_MS);
      return;
    }
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(() => {
      this.#isTurnDue = false;
      this.#advance();
    });
  }
}
