import type { CacheEffectCurve } from "../../figure/index.js";
import type { CacheEffect } from "../../judge/index.js";
import type { Replay } from "../../replay/index.js";

/** A curve with the key of its series in the JSON document. */
export interface FigureSeries extends CacheEffectCurve {
  readonly key: string;
  /** Modeled series made here: the replay behind it. */
  readonly replay?: Replay;
}

/** What is drawn, and what is said beside it. */
export interface FigureData {
  readonly series: readonly FigureSeries[];
  /** How captured and modeled compare, made when it is read. */
  readonly compared?: Pick<CacheEffect, "on" | "off">;
  /** For people, before the table. */
  readonly lines?: readonly string[];
  /** Below the figure. */
  readonly footnote?: string;
  /** Offered load over capacity, by the state of the cache. */
  readonly offeredLoad?: Readonly<Record<string, number>>;
}
