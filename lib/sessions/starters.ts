import type { Ms } from "../base/index.js";
import type { Conversation } from "./agent-conversations.js";
import { byTime } from "./by-time.js";
import type { RequestColumns } from "./request-columns.js";

/** Ends and arrivals are read on clocks that err by as much. */
export const CLOCK_MS: Ms = 5;
/** A sub-agent's first request comes within this time after the end of the request that started it. */
export const SPAWN_WITHIN_MS: Ms = 1500;
/** Sub-agents that one request starts begin within this time of the first. */
const TOGETHER_MS: Ms = 100;
/** Requests looked at that ended before a conversation began: bounds the work under load. */
const MAX_LOOKED_AT = 64;
/** Pauses, and what is left of one when a sub-agent is over, are spread evenly over orders of magnitude from here on. */
const SHORTEST_PAUSE_MS: Ms = 1000;

/** Conversations that begin together. */
export interface Group {
  readonly conversations: readonly Conversation[];
  readonly arrivalMs: Ms;
  readonly endMs: Ms;
}

/** A request that may have started a group. */
export interface Starter {
  readonly request: number;
  /** It says nothing until the group is over, and goes on then. */
  readonly waits: boolean;
  /** How much likelier a pause like the one after it is where it waited than where it did not. */
  readonly odds: number;
}

/** Conversations by which began together. They are in order of arrival. */
export function groupsOf(conversations: readonly Conversation[]): Group[] {
  const groups: { conversations: Conversation[]; arrivalMs: Ms; endMs: Ms }[] = [];
  for (const conversation of conversations) {
    const { arrivalMs, endMs } = conversation;
    const open = groups.at(-1);
    if (!open || arrivalMs > open.arrivalMs + TOGETHER_MS)
      groups.push({ conversations: [conversation], arrivalMs, endMs });
    else {
      open.conversations.push(conversation);
      open.endMs = Math.max(open.endMs, endMs);
    }
  }
  return groups;
}

/** Requests that may have started conversations: those after which their agent pauses and then goes on. */
export class Starters {
  /** Requests by end. */
  readonly ended: Int32Array;
  /** When each request's conversation went on, infinity for never, and by which request. */
  readonly nextMs: Float64Array;
  readonly nextTurn: Int32Array;
  readonly #columns: RequestColumns;

  /** @param parent what each record follows within its conversation */
  constructor(columns: RequestColumns, parent: Int32Array) {
    const { count, order, agents, arrivalMs, endMs } = columns;
    this.#columns = columns;
    this.nextMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.nextTurn = new Int32Array(count).fill(-1);
    const lasting = new Int32Array(count);
    let lasted = 0;
    for (let k = 0; k < count; k++) {
      const i = order[k];
      const p = parent[i];
      if (endMs[i] > arrivalMs[i] && agents[i] >= 0) lasting[lasted++] = i;
      if (p < 0 || this.nextTurn[p] >= 0) continue;
      this.nextTurn[p] = i;
      this.nextMs[p] = arrivalMs[i];
    }
    this.ended = byTime(lasting.subarray(0, lasted), endMs);
  }

  /** Requests of other agents that ended just before a group, the latest first, and had not gone on yet. */
  of(group: Group): Starter[] {
    const { endMs } = this.#columns;
    const { endMs: overMs } = group;
    const found: Starter[] = [];
    this.#someOf(group, (request, waits) => {
      const nextMs = this.nextMs[request];
      const odds = waits
        ? (SHORTEST_PAUSE_MS + nextMs - endMs[request]) / (SHORTEST_PAUSE_MS + Math.max(0, nextMs - overMs))
        : 1;
      found.push({ request, waits, odds });
      return false;
    });
    return found;
  }

  /** Whether any of them waits for the group. */
  isWaitedFor(group: Group): boolean {
    return this.#someOf(group, (_, waits) => waits);
  }

  #someOf(
    { conversations, arrivalMs, endMs: overMs }: Group,
    test: (request: number, waits: boolean) => boolean,
  ): boolean {
    const { arrivalMs: arrivedMs, endMs, agents } = this.#columns;
    const fromMs = arrivalMs - SPAWN_WITHIN_MS;
    let at = lastBefore(this.ended, endMs, arrivalMs + CLOCK_MS);
    for (let seen = 0; at >= 0 && seen < MAX_LOOKED_AT && endMs[this.ended[at]] >= fromMs; at--, seen++) {
      const request = this.ended[at];
      const nextMs = this.nextMs[request];
      if (nextMs < arrivalMs || nextMs === Number.POSITIVE_INFINITY) continue;
      if (arrivedMs[request] >= arrivalMs) continue;
      if (conversations.some(({ agent }) => agents[request] === agent)) continue;
      if (test(request, nextMs >= overMs - CLOCK_MS)) return true;
    }
    return false;
  }
}

/** Position of the last one that ended no later, -1 for none. */
function lastBefore(ended: Int32Array, endMs: Float64Array, atMs: Ms): number {
  let low = 0;
  let high = ended.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endMs[ended[middle]] <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
