import type { Ms } from "../base/index.js";
import { Contexts, type Conversation, wholeConversations } from "./agent-conversations.js";
import type { RequestColumns } from "./request-columns.js";
import { SpawnChance, type SpawnOdds } from "./spawn-chance.js";
import { CLOCK_MS, type Group, groupsOf, type Starter, Starters } from "./starters.js";

/** An agent is a sub-agent where its beginnings are so much likelier then than by chance, times the agents of the trace. */
const FIRST_ODDS = 20;
/** The same of any agent, where another one is a sub-agent. */
const OTHER_ODDS = 4;
/** Contexts of an agent that are looked at before all are. */
const SAMPLED_CONTEXTS = 256;
/** Sub-agents that are waited for and kept in mind: bounds the work under load. */
const MOST_OPEN = 64;

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

/** An agent that may be a sub-agent. */
interface Suspect extends SpawnOdds {
  readonly conversations: readonly Conversation[];
}

/**
 * Sub-agents, found without ids. An agent is told by the first block of its prompts (its tools and system prompt). It is a
 * sub-agent where its conversations begin within 1.5 s after a request of another agent ended, which pauses until they are
 * over or goes on, so often that chance does not explain it ({@link SpawnChance}); chance counts for each agent of the
 * trace, and less where another one is a sub-agent. Its first request is spawned by that request; the request after the
 * pause waits for its last one. What is launched in the background, its starter going on before it is over, is spawned and
 * not joined. Of several starters, that one is the likeliest which goes on the soonest after all that began together was
 * over, for the length of its pause; the confidence is its share of what speaks for them all.
 * @param root first request of each record's context
 * @param parent what each record follows within its context
 */
export function findSpawns(columns: RequestColumns, parent: Int32Array, root: Int32Array): Spawns {
  const spawns = {
    by: new Map<number, number>(),
    confidence: new Map<number, number>(),
    restartOf: new Map<number, number>(),
    joins: new Map<number, number[]>(),
  };
  if (!columns.hasArrivals || !columns.hasDurations || columns.count < 3) return spawns;
  const contexts = new Contexts(columns, root);
  const { byAgent: rootsOf } = contexts;
  if (rootsOf.size < 2) return spawns;
  const starters = new Starters(columns, parent);
  const chanceOf = new SpawnChance(columns, starters);
  const suspects = subAgentsOf(
    [...rootsOf].flatMap(([agent, roots]) => {
      if (isRuledOut(agent, roots, contexts, starters, chanceOf)) return [];
      const all = roots.map((first) => contexts.of(first));
      return suspectOf(wholeConversations(agent, all, columns.promptTokens), starters, chanceOf);
    }),
    rootsOf.size,
  );
  const byAgent = new Map(suspects.map((suspect) => [suspect.conversations[0].agent, suspect]));
  const begun = suspects
    .flatMap(({ conversations }) => conversations)
    .sort((a, b) => a.arrivalMs - b.arrivalMs || a.root - b.root);
  for (const group of groupsOf(begun)) {
    const found = starters.of(group);
    if (found.length === 0) continue;
    for (const conversation of group.conversations) {
      const { chance, backgroundShare } = byAgent.get(conversation.agent) as Suspect;
      const waited = ({ waits, odds }: Starter) => (waits ? (1 - backgroundShare) * odds : 0);
      const weights = found.map((starter) => waited(starter) + backgroundShare);
      const best = weights.indexOf(Math.max(...weights));
      const { request } = found[best];
      const { root: first, contexts } = conversation;
      spawns.by.set(first, request);
      spawns.confidence.set(first, ((1 - chance) * weights[best]) / sum(weights));
      for (let k = 1; k < contexts.length; k++) spawns.restartOf.set(contexts[k].root, contexts[k - 1].last);
      const next = starters.nextTurn[request];
      const { last } = contexts[contexts.length - 1];
      if (waited(found[best]) < backgroundShare || columns.arrivalMs[last] >= columns.arrivalMs[next])
        continue;
      const others = spawns.joins.get(next);
      if (others) others.push(last);
      else spawns.joins.set(next, [last]);
    }
  }
  return spawns;
}

/**
 * True where a sample of an agent's many contexts shows that they cannot be sub-agents': nobody waits for any, and chance lets
 * requests end just before as often as sub-agents have it. Saves looking at all of them in a trace of millions.
 */
function isRuledOut(
  agent: number,
  roots: readonly number[],
  contexts: Contexts,
  starters: Starters,
  chanceOf: SpawnChance,
): boolean {
  const every = Math.floor(roots.length / SAMPLED_CONTEXTS);
  if (every < 2 || !chanceOf.isBusy) return false;
  for (let k = 0; k < roots.length; k += every) {
    const context = contexts.of(roots[k]);
    const { arrivalMs, endMs } = context;
    const group = { conversations: [{ agent, ...context, contexts: [] }], arrivalMs, endMs };
    if (starters.isWaitedFor(group)) return false;
  }
  return true;
}

/** Those that chance does not explain; where one agent is a sub-agent, others are likelier to be. */
function subAgentsOf(suspects: readonly Suspect[], agents: number): Suspect[] {
  const within = (least: number) => suspects.filter(({ odds }) => odds >= least);
  return within(FIRST_ODDS * agents).length > 0 ? within(OTHER_ODDS) : [];
}

/** What says that an agent is a sub-agent. */
function suspectOf(whole: readonly Conversation[], starters: Starters, chanceOf: SpawnChance): Suspect {
  const groups = groupsOf(whole);
  const found = groups.map((group) => starters.of(group));
  const conversations = withRestarts(groups, found, starters);
  const kept = new Set(conversations);
  const isBegun = groups.map((group) => kept.has(group.conversations[0]));
  const begun = groups.filter((_, k) => isBegun[k]);
  const startersOf = found.filter((_, k) => isBegun[k]);
  return { conversations, ...chanceOf.oddsOf(begun, startersOf) };
}

/**
 * Conversations, those left out that nothing started and that begin and end within the pause of a request that started others of
 * their agent: such a sub-agent began its context afresh. Their contexts are added to the one that was over first and has
 * not gone on yet.
 */
function withRestarts(
  groups: readonly Group[],
  found: readonly (readonly Starter[])[],
  starters: Starters,
): Conversation[] {
  const kept: Conversation[] = [];
  let open: { readonly untilMs: Ms; readonly conversation: Conversation }[] = [];
  for (const [k, { conversations, arrivalMs }] of groups.entries()) {
    const waiting = found[k].find(({ waits }) => waits);
    open = open.filter(({ untilMs }) => untilMs >= arrivalMs);
    for (const conversation of conversations) {
      const { arrivalMs: atMs, endMs, contexts } = conversation;
      const over =
        found[k].length > 0
          ? undefined
          : open
              .filter(
                ({ untilMs, conversation: before }) => before.endMs < atMs && endMs <= untilMs + CLOCK_MS,
              )
              .sort((a, b) => a.conversation.endMs - b.conversation.endMs)[0];
      if (over) {
        over.conversation.contexts.push(...contexts);
        over.conversation.endMs = endMs;
        continue;
      }
      kept.push(conversation);
      if (waiting) open.push({ untilMs: starters.nextMs[waiting.request], conversation });
      if (open.length > MOST_OPEN) open.shift();
    }
  }
  return kept;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
