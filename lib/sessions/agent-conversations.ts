import type { Ms } from "../base/index.js";
import type { RequestColumns } from "./request-columns.js";

/** A context of one request is given up for another one within this time after its end. */
const RESTART_WITHIN_MS: Ms = 60_000;

/** Contexts of one request that are kept in mind: bounds the work under load. */
const MOST_OPEN = 64;

/** Requests that continue one another, from the one that continues nobody. */
export interface Context {
  readonly root: number;
  readonly arrivalMs: Ms;
  endMs: Ms;
  /** The request that ends last. */
  last: number;
  requests: number;
}

/** One run of an agent: a context, or several of which each was begun afresh after the one before. */
export interface Conversation {
  readonly agent: number;
  readonly root: number;
  readonly arrivalMs: Ms;
  endMs: Ms;
  readonly contexts: Context[];
}

/** All contexts of a trace. An agent is told by the first block of its prompts (its tools and system prompt). */
export class Contexts {
  /** First requests of each agent's contexts, by arrival. */
  readonly byAgent = new Map<number, number[]>();
  readonly #arrivalMs: Float64Array;
  /** By first request. */
  readonly #endMs: Float64Array;
  readonly #last: Int32Array;
  readonly #requests: Int32Array;

  /** @param root first request of each record's context */
  constructor({ count, order, agents, arrivalMs, endMs }: RequestColumns, root: Int32Array) {
    this.#arrivalMs = arrivalMs;
    this.#endMs = new Float64Array(count);
    this.#last = new Int32Array(count);
    this.#requests = new Int32Array(count);
    for (let k = 0; k < count; k++) {
      const i = order[k];
      const first = root[i];
      if (this.#requests[first]++ === 0 || endMs[i] >= this.#endMs[first]) {
        this.#endMs[first] = endMs[i];
        this.#last[first] = i;
      }
      if (first !== i || agents[i] < 0) continue;
      const others = this.byAgent.get(agents[i]);
      if (others) others.push(i);
      else this.byAgent.set(agents[i], [i]);
    }
  }

  /** The context that a request begins. */
  of(root: number): Context {
    return {
      root,
      arrivalMs: this.#arrivalMs[root],
      endMs: this.#endMs[root],
      last: this.#last[root],
      requests: this.#requests[root],
    };
  }
}

/**
 * Conversations of an agent. A context of a single request is gone on with by the agent's next context of a longer prompt
 * within a minute: an agent that words its task anew for its second request leaves such a context behind. Of several, the
 * one that was over first goes on first.
 * @param contexts the agent's, by arrival
 */
export function wholeConversations(
  agent: number,
  contexts: readonly Context[],
  promptTokens: Float64Array,
): Conversation[] {
  const whole: Conversation[] = [];
  let open: Conversation[] = [];
  for (const context of contexts) {
    const { root, arrivalMs, endMs } = context;
    open = open.filter((before) => before.endMs >= arrivalMs - RESTART_WITHIN_MS);
    const before = open
      .filter(
        ({ endMs: overMs, contexts: [first] }) =>
          overMs <= arrivalMs && promptTokens[first.root] < promptTokens[root],
      )
      .sort((a, b) => a.endMs - b.endMs)[0];
    if (before) {
      before.contexts.push(context);
      before.endMs = endMs;
      open = open.filter((other) => other !== before);
      continue;
    }
    const begun = { agent, root, arrivalMs, endMs, contexts: [context] };
    whole.push(begun);
    if (context.requests > 1) continue;
    open.push(begun);
    if (open.length > MOST_OPEN) open.shift();
  }
  return whole;
}
