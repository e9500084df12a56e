import { commonValue, type Tokens } from "../base/index.js";
import { type LatencyKind, shapeOfTraces, uncachedPromptTokens } from "../fit/index.js";
import { type StepForm, sumForm } from "../latency/index.js";
import { capturedEngine } from "../replay/index.js";
import type { SettingOrigin } from "../settings/index.js";
import { decodeMs, type Trace } from "../trace/index.js";

/** What a fit supposes of an engine beside the prices. */
export interface Supposition {
  /** How the parts of a step add up. */
  readonly form: StepForm;
  /** Whether a step is composed while the one before it runs. */
  readonly asyncScheduling: boolean;
  readonly maxNumBatchedTokens: Tokens;
}

/** What is given, and so not tried. */
export interface GivenSuppositions {
  readonly kind?: LatencyKind;
  readonly form?: StepForm;
  readonly asyncScheduling?: boolean;
  readonly maxNumBatchedTokens?: Tokens;
}

/** What to try, the simplest first, and where each part comes from. A list of one is not tried. */
export interface Candidates {
  readonly forms: readonly StepForm[];
  readonly budgets: readonly Tokens[];
  readonly asyncScheduling: readonly boolean[];
  readonly from: Readonly<Record<keyof Supposition, Exclude<SettingOrigin, "profile">>>;
}

/** The budget that is assumed where nothing tells, vLLM's default for a server, and others that are usual, in the order tried. */
const usualBudgets: readonly Tokens[] = [2048, 512, 1024, 4096, 8192, 16_384];

/**
 * What to try on these traces: what they, or the caller, do not tell. Asynchronous scheduling where engine, version and
 * card do not tell it, and never for an engine whose slots keep their own prefixes (llama.cpp); a token budget where none is
 * told and some prompt is longer than the least; a sum and a maximum of prices; a mixture of experts where the model is
 * known to be one.
 */
export function candidatesFor(traces: readonly Trace[], given: GivenSuppositions = {}): Candidates {
  const engines = traces.map(({ meta }) => capturedEngine(meta));
  const told = <K extends "asyncScheduling" | "maxNumBatchedTokens">(name: K) =>
    commonValue(engines.map((engine) => engine[name]));
  const isOpen = traces.every(({ records }) => records.some((r) => r.arrivalMs !== undefined));
  const hasSlots = engines.some(({ prefixReuse }) => prefixReuse === "slots");

  const budget = given.maxNumBatchedTokens ?? told("maxNumBatchedTokens");
  const longest = traces.reduce(
    (most, { records }) =>
      records.reduce((m, r) => Math.max(m, uncachedPromptTokens(r.promptTokens, r.cachedTokens ?? 0)), most),
    0,
  );
  // Budgets that hold the longest prefill whole are one.
  const largest = Math.min(...usualBudgets.filter((tokens) => tokens >= Math.max(longest, usualBudgets[0])));
  const budgets =
    budget !== undefined
      ? [budget]
      : usualBudgets.filter((tokens, i) => i === 0 || (isOpen && (tokens < longest || tokens === largest)));
  const isAsync = given.asyncScheduling ?? told("asyncScheduling");
  const asyncs = isAsync !== undefined ? [isAsync] : isOpen && !hasSlots ? [false, true] : [false];
  const forms = given.form
    ? [given.form]
    : isOpen && given.kind !== "empirical" && traces.some(hasPrefillsBesideDecodes)
      ? formsFor(traces)
      : [sumForm];
  return {
    forms,
    budgets,
    asyncScheduling: asyncs,
    from: {
      form: given.form ? "given" : forms.length > 1 ? "fitted" : "assumed",
      asyncScheduling:
        given.asyncScheduling !== undefined
          ? "given"
          : isAsync !== undefined
            ? "captured"
            : asyncs.length > 1
              ? "fitted"
              : "assumed",
      maxNumBatchedTokens:
        given.maxNumBatchedTokens !== undefined
          ? "given"
          : budget !== undefined
            ? "captured"
            : budgets.length > 1
              ? "fitted"
              : "assumed",
    },
  };
}

function formsFor(traces: readonly Trace[]): StepForm[] {
  const shape = shapeOfTraces(traces);
  const dense: StepForm[] = [sumForm, { combine: "max", expertShare: 0 }];
  if (!shape?.experts) return dense;
  const expertShare = shape.experts.perToken / shape.experts.count;
  return [...dense, { combine: "sum", expertShare }, { combine: "max", expertShare }];
}

/** Whether some first token came while another request decoded: only such steps tell a sum from a maximum. */
function hasPrefillsBesideDecodes({ records }: Trace): boolean {
  const spans = records
    .flatMap((record) => {
      const { arrivalMs, ttftMs } = record;
      if (arrivalMs === undefined || ttftMs === undefined) return [];
      return [{ firstMs: arrivalMs + ttftMs, lastMs: arrivalMs + ttftMs + (decodeMs(record) ?? 0) }];
    })
    .sort((a, b) => a.firstMs - b.firstMs);
  let untilMs = Number.NEGATIVE_INFINITY;
  for (const { firstMs, lastMs } of spans) {
    if (firstMs < untilMs) return true;
    untilMs = Math.max(untilMs, lastMs);
  }
  return false;
}
