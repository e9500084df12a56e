import { type Ms, mean } from "../base/index.js";
import { PauseWindows } from "./pause-windows.js";
import type { RequestColumns } from "./request-columns.js";
import { type Group, SPAWN_WITHIN_MS, type Starter, type Starters } from "./starters.js";

/** Chance is counted over these times before and after each beginning, and over the trace, the largest taken: load comes and goes. */
const AROUND_MS: readonly Ms[] = [10_000, 60_000, Number.POSITIVE_INFINITY];
/** Lengths of pauses by which chance is counted. */
const PAUSES_MS: readonly Ms[] = [0, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 180_000];

/** Shares of a sub-agent's groups that another agent's request waits for, and that one started and went on before they were over. */
const WAITED_SHARE = 0.5;
const LAUNCHED_SHARE = 0.4;

/** What an agent's beginnings say of its being a sub-agent. */
export interface SpawnOdds {
  /** How much likelier they are where it is one than by chance. */
  readonly odds: number;
  /** Probability that one has by chance a request that pauses until it is over. */
  readonly chance: number;
  /** Share of those started whose starter goes on before they are over. */
  readonly backgroundShare: number;
}

/** How probable it is that a group begins just after some request's end without being started by it. */
export class SpawnChance {
  readonly #columns: RequestColumns;
  readonly #starters: Starters;
  readonly #fromMs: Ms;
  readonly #toMs: Ms;
  readonly #windows = new Map<Ms, PauseWindows>();

  constructor(columns: RequestColumns, starters: Starters) {
    const { arrivalMs, order, count } = columns;
    this.#columns = columns;
    this.#starters = starters;
    this.#fromMs = arrivalMs[order[0]];
    this.#toMs = arrivalMs[order[count - 1]];
  }

  /** Whether chance alone lets some request end just before any moment as often as a sub-agent's starter goes on. */
  get isBusy(): boolean {
    return this.#windowsOf(0).shareOf(this.#fromMs, this.#toMs) >= LAUNCHED_SHARE;
  }

  /**
   * Odds of an agent's groups: a likelihood ratio, which chance alone makes exceed x with a probability of 1 / x at most
   * (Markov's inequality). Chance is a share of time that is read off the trace, of windows as long as pauses that each
   * group fits into; no less than one window in all of the trace.
   */
  oddsOf(groups: readonly Group[], starters: readonly (readonly Starter[])[]): SpawnOdds {
    const waited = starters.filter((some) => some.some(({ waits }) => waits)).length;
    const launched = starters.filter((some) => some.length > 0).length - waited;
    const shares = AROUND_MS.map((aroundMs) => {
      const waitedFor = this.#shareOf(groups, starters, aroundMs, true);
      return { waitedFor, any: Math.max(waitedFor, this.#shareOf(groups, starters, aroundMs, false)) };
    });
    const least = Math.min(1, SPAWN_WITHIN_MS / Math.max(1, this.#toMs - this.#fromMs));
    const most = (values: readonly number[]) => Math.max(least, ...values);
    const waitedByChance = most(shares.map(({ waitedFor }) => waitedFor));
    // Those waited for among them: an upper bound for those that are not.
    const launchedByChance = most(shares.map(({ any }) => any));
    const neither = most(shares.map(({ any }) => 1 - any));
    const log =
      waited * Math.log(WAITED_SHARE / waitedByChance) +
      launched * Math.log(LAUNCHED_SHARE / launchedByChance) +
      (groups.length - waited - launched) * Math.log((1 - WAITED_SHARE - LAUNCHED_SHARE) / neither);
    return {
      odds: Math.exp(log),
      chance: waitedByChance,
      backgroundShare: (launched + 1) / (waited + launched + 2),
    };
  }

  /**
   * Mean probability over groups that some request ended just before, and (`waited`) that it pauses until the group is over.
   * The window that a group began in is the hit, not the chance of one: it counts over the whole trace only.
   */
  #shareOf(
    groups: readonly Group[],
    starters: readonly (readonly Starter[])[],
    aroundMs: Ms,
    waited: boolean,
  ): number {
    const { endMs } = this.#columns;
    const { nextMs } = this.#starters;
    const shares = groups.map(({ arrivalMs, endMs: overMs }, k) => {
      const from = Math.max(this.#fromMs, arrivalMs - aroundMs);
      const to = Math.min(this.#toMs, arrivalMs + aroundMs);
      const own = starters[k].find(({ waits }) => waits || !waited);
      const ownMs =
        own && aroundMs < Number.POSITIVE_INFINITY
          ? Math.min(nextMs[own.request], endMs[own.request] + SPAWN_WITHIN_MS, to) -
            Math.max(endMs[own.request], from)
          : 0;
      const share = this.#windowsOf(waited ? overMs - arrivalMs : 0).shareOf(from, to);
      return share - Math.max(0, ownMs) / Math.max(to - from, 1);
    });
    return mean(shares) as number;
  }

  #windowsOf(durationMs: Ms): PauseWindows {
    const pauseMs = PAUSES_MS.findLast((pause) => pause <= durationMs) as Ms;
    const known = this.#windows.get(pauseMs);
    if (known) return known;
    const windows = new PauseWindows(this.#starters.ended, this.#columns.endMs, this.#starters.nextMs, {
      pauseMs,
      withinMs: SPAWN_WITHIN_MS,
    });
    this.#windows.set(pauseMs, windows);
    return windows;
  }
}
