import { readdirSync } from "node:fs";
import { type RandomStream, stream } from "../../../lib/base/index.js";
import { type Half, halfOf, type LabelledWorkload } from "./labelled.js";
import {
  type Conversation,
  FOLDERS,
  interleaved,
  type Request,
  readConversation,
  type SubAgent,
  spawnS,
  starterOf,
} from "./weka.js";

/** A main agent goes on within this time from launching a sub-agent in the background: the launch is answered at once. */
const LAUNCHED_WITHIN_S = 30;

/** How a mix's sub-agents were started. */
export type Starts = "as recorded" | "several at once" | "half in the background";

/** A mix of conversations with sub-agents and without. */
export interface MixOptions {
  readonly half: Half;
  /** Draws the conversations, their starts and their gaps. */
  readonly seed: number;
  /** Gaps between requests are longer or shorter by up to this share. */
  readonly gapsBy: number;
  readonly starts: Starts;
}

/** All mixes of a half, by how their sub-agents were started and how much their gaps vary. */
export function allMixes(half: Half, seeds = 8): MixOptions[] {
  return (["as recorded", "several at once", "half in the background"] as const).flatMap((starts) =>
    [0.2, 0.5].flatMap((gapsBy) =>
      Array.from({ length: seeds }, (_, seed): MixOptions => ({ half, seed, gapsBy, starts })),
    ),
  );
}

/**
 * Two to eight conversations with sub-agents and up to eight without, begun within 1, 10 or 60 minutes; the files of a half, the half of
 * a file being that of "sub-agents " and its name (the plain name puts nearly all sub-agents into one). Each gap is drawn
 * anew around what was recorded. With several at once, each place where sub-agents were started starts one to four drawn from the half's; in the background,
 * half of these places do so without waiting for them.
 */
export function subAgentMix(options: MixOptions): LabelledWorkload {
  const { half, seed, starts, gapsBy } = options;
  const random = stream(`${seed} ${starts} ${gapsBy}`, "sub-agent mixes");
  const { withAgents, without, pool } = filesOf(half);
  const counts = [2 + random.integer(7), random.integer(9)] as const;
  const longestGapS = 60 * [1, 10, 1000][random.integer(3)]!;
  const spreadMs = [1, 10, 60][random.integer(3)]! * 60_000;
  const conversations = [withAgents, without].flatMap((files, k) =>
    Array.from({ length: counts[k]! }, (_, n) => {
      const file = files[random.integer(files.length)]!;
      return {
        name: `${n} of ${file.path}`,
        conversation: new Variation(file.conversation, random, options, longestGapS, pool).conversation(),
      };
    }),
  );
  const name = `${counts[0]} conversations with sub-agents (${starts}) and ${counts[1]} without, seed ${seed}, gaps by ${gapsBy * 100} %`;
  return interleaved(conversations, { set: "sub-agent mixes", name, seed, spreadMs, half, subAgents: true });
}

interface Files {
  readonly withAgents: readonly { readonly path: string; readonly conversation: Conversation }[];
  readonly without: readonly { readonly path: string; readonly conversation: Conversation }[];
  readonly pool: readonly SubAgent[];
}

const read = new Map<Half, Files>();

function filesOf(half: Half): Files {
  const known = read.get(half);
  if (known) return known;
  const all = FOLDERS.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".json.gz") && halfOf(`sub-agents ${name}`) === half)
      .sort()
      .map((name) => ({ path: `${folder}/${name}`, conversation: readConversation(`${folder}/${name}`) })),
  );
  const withAgents = all.filter(({ conversation }) => agentsOf(conversation).length > 0);
  const files = {
    withAgents,
    without: all.filter((file) => !withAgents.includes(file)),
    pool: withAgents.flatMap(({ conversation }) => agentsOf(conversation)),
  };
  read.set(half, files);
  return files;
}

function agentsOf({ requests }: Conversation): SubAgent[] {
  return requests.filter(isSubAgent).filter((agent) => agent.requests.length > 0);
}

function isSubAgent(entry: Request | SubAgent): entry is SubAgent {
  return entry.type === "subagent";
}

/** A conversation at other times: each gap is drawn anew around what was recorded, durations of requests stay. */
class Variation {
  readonly #file: Conversation;
  readonly #random: RandomStream;
  readonly #options: MixOptions;
  readonly #longestGapS: number;
  readonly #pool: readonly SubAgent[];
  /** Sub-agents so far: each has ids of its own past its kind's leading part. */
  #drawn = 0;

  constructor(
    file: Conversation,
    random: RandomStream,
    options: MixOptions,
    longestGapS: number,
    pool: readonly SubAgent[],
  ) {
    this.#file = file;
    this.#random = random;
    this.#options = options;
    this.#longestGapS = longestGapS;
    this.#pool = pool;
  }

  conversation(): Conversation {
    const main = this.#file.requests.filter((entry): entry is Request => !isSubAgent(entry));
    const startedBy = new Map<number, SubAgent[]>();
    for (const agent of agentsOf(this.#file)) {
      const starter = starterOf(agent, main);
      startedBy.set(starter, [...(startedBy.get(starter) ?? []), agent]);
    }
    const gapS = (k: number) => main[k + 1]!.t - endS(main[k]!);
    const plainGaps = main
      .slice(0, -1)
      .flatMap((_, k) => (startedBy.has(k) ? [] : [Math.max(0, gapS(k))]))
      .filter((gap) => gap <= LAUNCHED_WITHIN_S);
    const requests: (Request | SubAgent)[] = [];
    let atS = main[0]?.t ?? 0;
    for (const [k, request] of main.entries()) {
      requests.push({ ...request, t: atS });
      const overS = atS + (request.api_time ?? 0);
      if (k + 1 === main.length) break;
      const recorded = startedBy.get(k);
      if (!recorded) {
        atS = overS + this.#vary(gapS(k));
        continue;
      }
      const delayS = this.#vary(spawnS(recorded[0]!) - endS(request));
      const started = this.#startedAt(overS + delayS, recorded);
      requests.push(...started);
      const lastS = Math.max(...started.map(({ duration_ms, t }) => (duration_ms === null ? Number.NaN : t)));
      const waited = Math.max(...recorded.map(({ t }) => t));
      atS = Number.isNaN(lastS)
        ? Math.max(overS + this.#vary(this.#any(plainGaps)), Math.max(...started.map(spawnS)) + 0.1)
        : lastS + this.#vary(main[k + 1]!.t - waited);
    }
    return { ...this.#file, requests };
  }

  #startedAt(atS: number, recorded: readonly SubAgent[]): SubAgent[] {
    const { starts } = this.#options;
    const inBackground = starts === "half in the background" && this.#random.uniform() < 0.5;
    const agents =
      starts === "as recorded"
        ? recorded
        : Array.from({ length: 1 + this.#random.integer(4) }, () => this.#any(this.#pool));
    return agents.map((agent) => {
      const waitedFor = starts === "as recorded" ? agent.duration_ms !== null : !inBackground;
      return this.#varied(agent, atS + 0.02 * this.#random.uniform(), waitedFor);
    });
  }

  #varied(agent: SubAgent, atS: number, waitedFor: boolean): SubAgent {
    const ids = 1e8 * ++this.#drawn;
    const requests: Request[] = [];
    let t = 0;
    for (const [k, request] of agent.requests.entries()) {
      if (k > 0) t = endS(requests[k - 1]!) + this.#vary(request.t - endS(agent.requests[k - 1]!));
      requests.push({ ...request, t, hash_ids: request.hash_ids.map((id) => id + ids) });
    }
    const overS = endS(requests.at(-1)!);
    const tailS =
      agent.duration_ms === null ? 0 : Math.max(0, agent.duration_ms / 1000 - endS(agent.requests.at(-1)!));
    const lastsS = overS + this.#vary(tailS);
    return {
      ...agent,
      agent_id: `${agent.agent_id} ${this.#drawn}`,
      requests,
      ...(waitedFor
        ? { status: "completed", duration_ms: 1000 * lastsS, t: atS + lastsS }
        : { status: "async_launched", duration_ms: null, t: atS }),
    };
  }

  #vary(gapS: number): number {
    return Math.min(gapS, this.#longestGapS) * (1 + this.#options.gapsBy * (2 * this.#random.uniform() - 1));
  }

  #any<T>(of: readonly T[]): T {
    return of[this.#random.integer(of.length)]!;
  }
}

function endS({ t, api_time = 0 }: Request): number {
  return t + api_time;
}
