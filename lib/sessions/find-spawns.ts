import { type Ms, mean } from "../base/index.js";
import type { RequestColumns } from "./request-columns.js";

/** A sub-agent's first request comes within this time after the end of the request that started it. */
const SPAWN_WITHIN_MS: Ms = 1500;
/** Ends and arrivals are read on clocks that err by as much. */
const CLOCK_MS: Ms = 5;
/** Share of an agent's conversations that begin so, where it is taken for a sub-agent. */
const SPAWNED_SHARE = 0.75;
/** Probability that chance alone makes so many of them begin so, over all agents of the trace. */
const CHANCE_LIMIT = 0.05;
/** Chance is counted over these times before and after each conversation's beginning, the larger taken: load comes and goes. */
const WIDEST_MS: Ms = 60_000;
const AROUND_MS: readonly Ms[] = [10_000, WIDEST_MS];
/** Requests looked at that ended before a conversation began: bounds the work under load. */
const MAX_LOOKED_AT = 64;
/** Lengths of pauses by which chance is counted. */
const PAUSES_MS: readonly Ms[] = [0, 5_000, 20_000, 60_000];

/** Conversations that another agent's answer started. */
export interface Spawns {
  /** By a sub-agent's first request: the request that started it. */
  readonly by: ReadonlyMap<number, number>;
  readonly confidence: ReadonlyMap<number, number>;
  /** By the first request of a context that a sub-agent began afresh: its last one before. */
  readonly restartOf: ReadonlyMap<number, number>;
  /** By a request: the last requests of the sub-agents that it waited for. */
  readonly joins: ReadonlyMap<number, readonly number[]>;
}

interface Conversation {
  readonly root: number;
  readonly arrivalMs: Ms;
  endMs: Ms;
  /** The request that ends last. */
  last: number;
}

/** A request that may have started a conversation. */
interface Starter {
  readonly request: number;
  /** It says nothing until the conversation is over, and goes on then. */
  readonly waits: boolean;
}

/**
 * Sub-agents, found without ids. An agent is told by the first block of its prompts (its tools and system prompt). It is a
 * sub-agent where nearly all its conversations begin within 1.5 s after a request of another agent ended, and that other
 * conversation pauses until they are over; and where that happens more often than chance would have it, by a binomial test
 * at 0.05 over all agents of the trace. Its first request is then spawned by that request; the request after
 * the pause waits for its last one. A conversation of such an agent whose starter goes on at once (one launched in the background) is spawned too, but not joined.
 * @param root first request of each record's conversation
 * @param parent what each record follows within its conversation
 */
export function findSpawns(columns: RequestColumns, parent: Int32Array, root: Int32Array): Spawns {
  const { count, order, chains, arrivalMs, endMs } = columns;
  const none: Spawns = { by: new Map(), confidence: new Map(), restartOf: new Map(), joins: new Map() };
  if (!columns.hasArrivals || !columns.hasDurations || count < 3) return none;
  const conversations = new Map<number, Conversation>();
  const agents = new Map<number, Conversation[]>();
  const nextMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const nextTurn = new Int32Array(count).fill(-1);
  for (let k = 0; k < count; k++) {
    const i = order[k];
    const p = parent[i];
    if (p >= 0 && nextTurn[p] < 0) {
      nextTurn[p] = i;
      nextMs[p] = arrivalMs[i];
    }
    const known = conversations.get(root[i]);
    if (!known) {
      const begun = { root: i, arrivalMs: arrivalMs[i], endMs: endMs[i], last: i };
      conversations.set(i, begun);
      if (chains[i].length === 0) continue;
      const others = agents.get(chains[i][0]);
      if (others) others.push(begun);
      else agents.set(chains[i][0], [begun]);
    } else if (endMs[i] >= known.endMs) {
      known.endMs = endMs[i];
      known.last = i;
    }
  }
  if (agents.size < 2) return none;
  const ended = byEnd(
    order.filter((i) => endMs[i] > arrivalMs[i] && chains[i].length > 0),
    endMs,
  );
  const windows = PAUSES_MS.map((pauseMs) => new Windows(ended, endMs, nextMs, pauseMs));
  const fromMs = arrivalMs[order[0]];
  const toMs = arrivalMs[order[count - 1]];
  const spawns = {
    by: new Map<number, number>(),
    confidence: new Map<number, number>(),
    restartOf: new Map<number, number>(),
    joins: new Map<number, number[]>(),
  };
  for (const [agent, begun] of agents) {
    const starters = begun.map((conversation) => startersOf(conversation, agent));
    const restartOf = restartsOf(begun, starters);
    const firsts = begun.filter(({ root: first }) => !restartOf.has(first));
    const hits = starters.filter((found) => found.some(({ waits }) => waits)).length;
    const launched = starters.filter((found) => found.length > 0).length;
    if (launched < SPAWNED_SHARE * firsts.length) continue;
    const durations = firsts.map((c) => c.endMs - c.arrivalMs).sort((a, b) => a - b);
    const typicalMs = durations[durations.length >> 1];
    const isWaitedFor = 2 * hits >= launched;
    const by = windows[isWaitedFor ? PAUSES_MS.findLastIndex((pauseMs) => pauseMs <= typicalMs) : 0];
    // The window that a conversation began in is the hit, not the chance of one; but one there may always be.
    const chance = Math.max(
      ...AROUND_MS.map((aroundMs) => {
        const shares = begun.flatMap(({ root: first, arrivalMs: atMs }, k) => {
          if (restartOf.has(first)) return [];
          const from = Math.max(fromMs, atMs - aroundMs);
          const to = Math.min(toMs, atMs + aroundMs);
          const [own] = starters[k];
          const ownMs = own
            ? Math.min(nextMs[own.request], endMs[own.request] + SPAWN_WITHIN_MS, to) -
              Math.max(endMs[own.request], from)
            : 0;
          return [by.shareOf(from, to) - Math.max(0, ownMs) / Math.max(to - from, 1)];
        });
        return mean(shares) as number;
      }),
      SPAWN_WITHIN_MS / Math.min(2 * WIDEST_MS, Math.max(toMs - fromMs, SPAWN_WITHIN_MS)),
    );
    if (atLeast(isWaitedFor ? hits : launched, firsts.length, chance) * agents.size > CHANCE_LIMIT) continue;
    for (const [k, found] of starters.entries()) {
      if (found.length === 0) continue;
      const waiting = found.filter(({ waits }) => waits);
      const { request, waits } = (waiting.length > 0 ? waiting : found)[0];
      const first = begun[k].root;
      spawns.by.set(first, request);
      spawns.confidence.set(first, (1 - chance) / (waiting.length > 0 ? waiting.length : found.length));
      if (!waits) continue;
      const next = nextTurn[request];
      const last = lastOf(first);
      const waited = spawns.joins.get(next);
      if (waited) waited.push(last);
      else spawns.joins.set(next, [last]);
    }
    for (const [restart, before] of restartOf) spawns.restartOf.set(restart, before);

    /** The last request of a sub-agent, over the contexts that it began afresh. */
    function lastOf(first: number): number {
      let { last } = conversations.get(first) as Conversation;
      for (;;) {
        const on = [...restartOf].find(([, before]) => before === last);
        if (!on) return last;
        last = (conversations.get(on[0]) as Conversation).last;
      }
    }
  }
  return spawns;

  /**
   * Of conversations that nothing started, those that begin and end within the pause of a request that started others of
   * their agent: such a sub-agent began its context afresh. By first request: the last one of the context before, of those over the
   * one that was over first and has not been followed yet.
   */
  function restartsOf(
    begun: readonly Conversation[],
    starters: readonly (readonly Starter[])[],
  ): Map<number, number> {
    const open: { readonly untilMs: Ms; last: Conversation }[] = [];
    const restartOf = new Map<number, number>();
    for (const [k, conversation] of begun.entries()) {
      const waiting = starters[k].find(({ waits }) => waits);
      if (waiting) open.push({ untilMs: nextMs[waiting.request], last: conversation });
      if (starters[k].length > 0) continue;
      const over = open
        .filter(
          ({ untilMs, last }) =>
            last.endMs <= conversation.arrivalMs + CLOCK_MS && conversation.endMs <= untilMs + CLOCK_MS,
        )
        .sort((a, b) => a.last.endMs - b.last.endMs)[0];
      if (!over) continue;
      restartOf.set(conversation.root, over.last.last);
      over.last = conversation;
    }
    return restartOf;
  }

  /** Requests of other agents that ended just before, the latest first, and had not gone on yet. */
  function startersOf(conversation: Conversation, agent: number): Starter[] {
    const found: Starter[] = [];
    const fromMs = conversation.arrivalMs - SPAWN_WITHIN_MS;
    let at = lastBefore(ended, endMs, conversation.arrivalMs + CLOCK_MS);
    for (let seen = 0; at >= 0 && seen < MAX_LOOKED_AT && endMs[ended[at]] >= fromMs; at--, seen++) {
      const request = ended[at];
      if (chains[request][0] === agent || nextMs[request] < conversation.arrivalMs) continue;
      if (nextMs[request] === Number.POSITIVE_INFINITY) continue;
      found.push({ request, waits: nextMs[request] >= conversation.endMs - CLOCK_MS });
    }
    return found;
  }
}

/** Requests by their end, of one end in the order given: sorting the times alone is many times as fast as by a comparison. */
function byEnd(requests: Int32Array, endMs: Float64Array): Int32Array {
  const times = Float64Array.from(requests, (i) => endMs[i]).sort();
  const placed = new Int32Array(times.length);
  const sorted = new Int32Array(times.length);
  for (const i of requests) {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < endMs[i]) low = middle + 1;
      else high = middle;
    }
    sorted[low + placed[low]++] = i;
  }
  return sorted;
}

/** The times just after ends that are followed by a pause, as a growing sum. */
class Windows {
  readonly #opens: Ms[] = [];
  readonly #closes: Ms[] = [];
  /** Covered up to the end of each window. */
  readonly #sums: Ms[] = [];

  constructor(ended: Int32Array, endMs: Float64Array, nextMs: Float64Array, pauseMs: Ms) {
    let sum = 0;
    let untilMs = Number.NEGATIVE_INFINITY;
    for (const i of ended) {
      if (nextMs[i] === Number.POSITIVE_INFINITY || nextMs[i] - endMs[i] < pauseMs) continue;
      const opensMs = Math.max(endMs[i], untilMs);
      const closesMs = Math.min(nextMs[i], endMs[i] + SPAWN_WITHIN_MS);
      if (closesMs <= opensMs) continue;
      sum += closesMs - opensMs;
      this.#opens.push(opensMs);
      this.#closes.push(closesMs);
      this.#sums.push(sum);
      untilMs = closesMs;
    }
  }

  /** Share of the time between two moments that lies in a window. */
  shareOf(fromMs: Ms, toMs: Ms): number {
    return toMs <= fromMs ? 1 : (this.#upTo(toMs) - this.#upTo(fromMs)) / (toMs - fromMs);
  }

  #upTo(atMs: Ms): Ms {
    let low = 0;
    let high = this.#opens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#opens[middle] <= atMs) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : this.#sums[low - 1] - Math.max(0, this.#closes[low - 1] - atMs);
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

/** Probability of `hits` or more of `n` where each has probability `p`: the upper tail of the binomial distribution. */
function atLeast(hits: number, n: number, p: number): number {
  if (p >= 1) return 1;
  let term = (1 - p) ** n;
  let below = 0;
  for (let k = 0; k < hits; k++) {
    below += term;
    term *= ((n - k) / (k + 1)) * (p / (1 - p));
  }
  return Math.max(0, 1 - below);
}
