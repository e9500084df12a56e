import { InputError } from "../base/index.js";
import { type LatencyModel, latencyModelFromJson, latencyProfile } from "../latency/index.js";
import { keepPlan, type Replay, replay } from "../replay/index.js";
import { firstTurns, partOfWorkload, type Workload } from "../sessions/index.js";
import { answerOf, drawnSurvival, type ExploreAnswer } from "./explore-answer.js";
import { type ExploreChoices, replayOfChoices } from "./explore-choices.js";
import { type ExploreHitCurve, type ExploreReuse, hitCurveOf, reuseOf } from "./explore-reuse.js";

/** What a page is asked: one trace under one latency model and the reader's choices. */
export interface ExploreQuestion {
  /** Which of the page's traces. */
  readonly trace: number;
  /** A model that the page carries, or a built-in profile. */
  readonly latency: string;
  readonly choices: ExploreChoices;
  /** The session whose turns are shown. */
  readonly session: number;
  /** Only the first so many requests: a coarse answer. */
  readonly first?: number;
}

/** What needs more than the replay itself: where its prompt tokens came from, and what other pools would find. */
export interface ExploreSharing {
  readonly reuse: ExploreReuse;
  readonly curve: ExploreHitCurve | undefined;
}

/** Curves of what was captured of the same requests; empty where the trace has no first tokens. */
export type CapturedSurvival = ExploreAnswer["survival"];

/** The most that is remembered of curves: one a block size and number of turns. */
const mostRemembered = 12;

/**
 * Answers a page's questions about workloads, in the order in which they come. What does not depend on a choice is
 * computed once.
 */
export class Explorer {
  readonly #workloads: readonly Workload[];
  readonly #given: ReadonlyMap<string, unknown>;
  readonly #models = new Map<string, LatencyModel>();
  readonly #remembered = new Map<string, unknown>();
  #last: { readonly key: string; readonly replayed: Replay; readonly workload: Workload } | undefined;

  /** @param given latency models in JSON, by the name that a question calls each */
  constructor(workloads: readonly Workload[], given: Readonly<Record<string, unknown>> = {}) {
    this.#workloads = workloads;
    this.#given = new Map(Object.entries(given));
  }

  /**
   * Replays the trace as it is asked for.
   * @throws InputError as `replay` does, or when there is no such trace or model
   */
  answer(question: ExploreQuestion): ExploreAnswer {
    const { replayed } = this.#replayed(question);
    return answerOf(replayed, question.session);
  }

  /** Where the prompt tokens of that replay came from. */
  sharing(question: ExploreQuestion): ExploreSharing {
    const { replayed, workload } = this.#replayed(question);
    const { blockSize } = replayed.conditions.engine.settings;
    const key = `curve ${partKey(question)} ${blockSize}`;
    return {
      reuse: reuseOf(replayed),
      curve: this.#remember(key, () => hitCurveOf(workload, blockSize)),
    };
  }

  /** What was captured of the same requests. */
  captured(question: ExploreQuestion): CapturedSurvival {
    const workload = this.#workload(question);
    return this.#remember(`captured ${partKey(question)}`, () => drawnSurvival(workload));
  }

  #replayed(question: ExploreQuestion): { replayed: Replay; workload: Workload } {
    const { trace, latency, choices, first } = question;
    const key = JSON.stringify({ trace, latency, choices, first });
    if (this.#last?.key !== key) {
      this.#last = undefined;
      const workload = this.#workload(question);
      const { options } = replayOfChoices(choices);
      const planOf = this.#remember(`plan ${partKey(question)}`, () => keepPlan(workload));
      const replayed = replay(workload, {
        ...options,
        model: this.#model(latency),
        planOf,
        keepLoads: true,
      });
      this.#last = { key, replayed, workload };
    }
    return this.#last;
  }

  #workload(question: ExploreQuestion): Workload {
    const { trace, choices, first } = question;
    const whole = this.#workloads[trace];
    if (!whole)
      throw new InputError(`explore: there is no trace ${trace}, the page has ${this.#workloads.length}`);
    const { turns } = replayOfChoices(choices);
    return this.#remember(`workload ${partKey(question)}`, () => {
      const part = turns === undefined ? whole : firstTurns(whole, turns);
      const count = part.trace.records.length;
      return first === undefined || first >= count
        ? part
        : partOfWorkload(
            part,
            Int32Array.from({ length: first }, (_, i) => i),
          );
    });
  }

  #model(name: string): LatencyModel {
    let model = this.#models.get(name);
    if (!model) {
      const json = this.#given.get(name);
      model = json === undefined ? latencyProfile(name) : latencyModelFromJson(json);
      this.#models.set(name, model);
    }
    return model;
  }

  #remember<T>(key: string, compute: () => T): T {
    const known = this.#remembered.get(key);
    if (known !== undefined) return known as T;
    const value = compute();
    if (this.#remembered.size >= mostRemembered) {
      const [oldest] = this.#remembered.keys();
      this.#remembered.delete(oldest);
    }
    this.#remembered.set(key, value);
    return value;
  }
}

function partKey({ trace, choices, first }: ExploreQuestion): string {
  return `${trace} ${choices.turns ?? ""} ${first ?? ""}`;
}
