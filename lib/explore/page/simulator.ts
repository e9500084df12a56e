import type { ExploreAnswer } from "../explore-answer.js";
import type { ExploreReply, ExploreRequest } from "../explore-messages.js";
import type { CapturedSurvival, ExploreQuestion, ExploreSharing } from "../explorer.js";

/** An answer as the page gets it; a coarse one is of the first requests alone, and an exact one follows. */
export interface PageAnswer {
  readonly question: ExploreQuestion;
  readonly answer: ExploreAnswer;
  readonly captured: CapturedSurvival;
  readonly isCoarse: boolean;
  readonly computingMs: number;
}

/** Who is told what comes of a question; only of the newest one. */
export interface SimulatorListener {
  answered(answer: PageAnswer): void;
  shared(sharing: ExploreSharing, isCoarse: boolean): void;
  refused(message: string): void;
}

/** Requests above which a coarse answer comes first, and of how many it is. */
const coarseAbove = 3000;
const coarseRequests = 1500;

/**
 * The threads that compute. The newest question wins: one that waits is replaced, and an exact answer that is still being
 * computed for an older question is given up with its thread.
 */
export class Simulator {
  readonly #start: ExploreRequest;
  readonly #script: string;
  readonly #listener: SimulatorListener;
  readonly #exact: Line;
  readonly #coarse: Line | undefined;
  #newest = 0;

  constructor(script: string, start: ExploreRequest, requests: number, listener: SimulatorListener) {
    this.#script = script;
    this.#start = start;
    this.#listener = listener;
    this.#exact = this.#line(false);
    this.#coarse = requests > coarseAbove ? this.#line(true) : undefined;
  }

  /** Asks a question, in place of those before it. */
  ask(question: ExploreQuestion): void {
    const ask = ++this.#newest;
    this.#coarse?.ask(ask, { ...question, first: coarseRequests });
    this.#exact.ask(ask, question);
  }

  #line(isCoarse: boolean): Line {
    const start = (take: (reply: ExploreReply) => void) => startThread(this.#script, this.#start, take);
    return new Line(start, !isCoarse, (reply, question) => this.#take(reply, question, isCoarse));
  }

  #take(reply: ExploreReply, question: ExploreQuestion | undefined, isCoarse: boolean): void {
    if (reply.kind === "ready") return;
    const isNewest = reply.ask === this.#newest || reply.ask === 0;
    if (reply.kind === "refused") {
      if (isNewest && !isCoarse) this.#listener.refused(reply.message);
    } else if (isNewest && question) {
      if (reply.kind === "answer") this.#listener.answered({ ...reply, question, isCoarse });
      else this.#listener.shared(reply.sharing, isCoarse);
    }
  }
}

/** A thread, or what stands for one. */
interface Thread {
  post(request: ExploreRequest): void;
  end(): void;
}

/** How long an answer may be on its way before a newer question ends its thread. */
const patienceMs = 250;

/** One thread and the question that waits for it. */
class Line {
  #thread: Thread;
  #busy: { readonly ask: number; readonly question: ExploreQuestion; readonly sinceMs: number } | undefined;
  #waiting: { readonly ask: number; readonly question: ExploreQuestion } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly start: (take: (reply: ExploreReply) => void) => Thread,
    /** Whether its thread is ended for a newer question; a coarse answer is sooner there than a new thread. */
    readonly restarts: boolean,
    readonly take: (reply: ExploreReply, question: ExploreQuestion | undefined) => void,
  ) {
    this.#thread = start((reply) => this.#took(reply));
  }

  ask(ask: number, question: ExploreQuestion): void {
    this.#waiting = { ask, question };
    if (!this.#busy) this.#next();
    else if (this.restarts) {
      clearTimeout(this.#timer);
      const leftMs = Math.max(0, patienceMs - (performance.now() - this.#busy.sinceMs));
      this.#timer = setTimeout(() => this.#restart(), leftMs);
    }
  }

  #next(): void {
    clearTimeout(this.#timer);
    const next = this.#waiting;
    this.#waiting = undefined;
    this.#busy = next && { ...next, sinceMs: performance.now() };
    if (next) this.#thread.post({ kind: "ask", ...next });
  }

  #restart(): void {
    if (!this.#busy || !this.#waiting) return;
    this.#thread.end();
    this.#thread = this.start((reply) => this.#took(reply));
    this.#busy = undefined;
    this.#next();
  }

  #took(reply: ExploreReply): void {
    const busy = this.#busy;
    const question = reply.kind !== "ready" && reply.ask === busy?.ask ? busy.question : undefined;
    this.take(reply, question);
    // What prompts share is the last part of an answer.
    const isOver = reply.kind === "sharing" || reply.kind === "refused";
    if (isOver && reply.ask === busy?.ask) this.#next();
  }
}

/** A worker; where the page may start none, the page itself computes. */
function startThread(script: string, start: ExploreRequest, take: (reply: ExploreReply) => void): Thread {
  const thread = startWorker(script, take) ?? startHere(script, take);
  thread.post(start);
  return thread;
}

function startWorker(script: string, take: (reply: ExploreReply) => void): Thread | undefined {
  try {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.onmessage = ({ data }: MessageEvent<ExploreReply>) => take(data);
    return { post: (request) => worker.postMessage(request), end: () => worker.terminate() };
  } catch {
    return undefined;
  }
}

function startHere(script: string, take: (reply: ExploreReply) => void): Thread {
  const scope = globalThis as unknown as {
    startExplorer?: (post: (reply: ExploreReply) => void) => (request: ExploreRequest) => void;
  };
  if (!scope.startExplorer) {
    const text = document.createElement("script");
    text.textContent = script;
    document.head.append(text);
  }
  let isOver = false;
  const take_ = scope.startExplorer?.((reply) => {
    if (!isOver) take(reply);
  });
  return {
    post: (request) => void setTimeout(() => !isOver && take_?.(request), 0),
    end: () => {
      isOver = true;
    },
  };
}
