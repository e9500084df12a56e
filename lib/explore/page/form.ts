import type { ExploreAnswer } from "../explore-answer.js";
import { type ExploreChoices, exploreControl } from "../explore-choices.js";
import type { ExplorePage, PageTrace } from "../explore-page.js";
import { type ChoiceRow, choiceRow } from "./choice-row.js";
import { element } from "./element.js";
import { formGroups } from "./form-rows.js";
import { short } from "./format.js";
import type { PageState } from "./link.js";

/** The page's form. */
export interface PageForm {
  readonly box: HTMLElement;
  /** Shows a state, and what holds where nothing is chosen, as the last answer tells it. */
  show(state: PageState, answer: ExploreAnswer | undefined): void;
}

/** Choices that end with the one they belong to. */
const belongsTo: Readonly<Record<string, string>> = { "on-timeout": "request-timeout", router: "replicas" };

/** Makes the form; `changed` is called with each new state. */
export function pageForm(
  page: ExplorePage,
  stateNow: () => PageState,
  changed: (state: PageState) => void,
): PageForm {
  const choose = (name: string, value: string | undefined) => {
    const { choices, ...rest } = stateNow();
    changed({ ...rest, choices: changedChoices(choices, name, value, lastAnswer) });
  };
  let lastAnswer: ExploreAnswer | undefined;
  const rows = new Map<string, ChoiceRow>();
  const groups = formGroups.map(({ title, isFolded, rows: all }) => {
    const made = all.map((row) => {
      const own = choiceRow(row, (value) => choose(row.name, value));
      rows.set(row.name, own);
      return own.box;
    });
    return isFolded
      ? element("details", {}, element("summary", {}, title), ...made)
      : element("fieldset", {}, element("legend", {}, title), ...made);
  });

  const gib = element("input", { id: "pool-gib", type: "number", step: "any", min: 0 });
  gib.addEventListener("change", () => {
    const blocks = blocksOfGib(Number(gib.value), lastAnswer);
    choose("kv-cache-size", gib.value.trim() === "" || blocks === undefined ? undefined : String(blocks));
  });
  rows.get("kv-cache-size")?.add("pool, GiB", gib);

  const traces = element(
    "select",
    { id: "trace", class: "wide" },
    ...page.traces.map(({ name }, at) => element("option", { value: at }, name)),
  );
  traces.addEventListener("change", () =>
    changed({ ...stateNow(), trace: Number(traces.value), session: 0 }),
  );
  const models = element(
    "select",
    { id: "latency", class: "wide" },
    ...page.models.map(({ name, label }) => element("option", { value: name }, label)),
  );
  models.addEventListener("change", () => changed({ ...stateNow(), latency: models.value }));
  const reset = element("button", { type: "button" }, "Back to the trace's settings");
  reset.addEventListener("click", () => changed({ ...stateNow(), choices: {} }));

  const box = element(
    "form",
    { "aria-label": "settings of the replay" },
    element(
      "fieldset",
      {},
      ...(page.traces.length > 1
        ? [element("div", { class: "row" }, element("label", { for: "trace" }, "trace"), traces)]
        : []),
      element(
        "div",
        { class: "row" },
        element("label", { for: "latency" }, "model and card, or what was fitted"),
        models,
      ),
    ),
    ...groups,
    element("div", { class: "buttons" }, reset),
  );
  box.addEventListener("submit", (event) => event.preventDefault());
  return {
    box,
    show(state, answer) {
      lastAnswer = answer ?? lastAnswer;
      traces.value = String(state.trace);
      models.value = state.latency;
      setEnds(rows, page.traces[state.trace], lastAnswer);
      for (const { rows: all } of formGroups)
        for (const { name, usual } of all) {
          const chosen = state.choices[name];
          rows
            .get(name)
            ?.show(
              chosen ?? heldValue(name, page.traces[state.trace], lastAnswer) ?? usual,
              chosen !== undefined,
            );
        }
      const { poolBytes } = lastAnswer?.numbers ?? {};
      gib.disabled = poolBytes === undefined;
      gib.placeholder = poolBytes === undefined ? "?" : "";
      gib.title =
        poolBytes === undefined
          ? "what a token takes is not known: give bytes of KV a token under More, or choose a card and model"
          : "whole blocks that fit";
      if (document.activeElement !== gib)
        gib.value = poolBytes === undefined ? "" : short(poolBytes / 2 ** 30);
    },
  };
}

/** The choices after one more. */
function changedChoices(
  before: ExploreChoices,
  name: string,
  value: string | undefined,
  answer: ExploreAnswer | undefined,
): ExploreChoices {
  const choices: Record<string, string> = { ...before };
  if (value === undefined) delete choices[name];
  else choices[name] = value;
  for (const [one, owner] of Object.entries(belongsTo))
    if (choices[owner] === undefined || (owner === "replicas" && choices[owner] === "1")) delete choices[one];
  // Of two that each force a pacing, the newer one.
  if (name === "pacing") delete choices["max-concurrency"];
  if (name === "max-concurrency") delete choices.pacing;
  // A pool that was chosen keeps its tokens when its blocks get another size.
  const [pool, size] = [choices["kv-cache-size"], Number(value)];
  const sizeBefore = answer?.numbers.engine.blockSize;
  if (name === "block-size" && pool !== undefined && size >= 1 && typeof sizeBefore === "number")
    choices["kv-cache-size"] = String(Math.max(1, Math.floor((Number(pool) * sizeBefore) / size)));
  return choices;
}

/** What holds where the reader chose nothing, as the last answer tells it. */
function heldValue(name: string, trace: PageTrace, answer: ExploreAnswer | undefined): string | undefined {
  if (!answer) return undefined;
  const { numbers } = answer;
  const { setting } = exploreControl(name);
  if (setting !== undefined) {
    const value = numbers.engine[setting];
    return value === undefined ? undefined : value === true ? "on" : value === false ? "off" : String(value);
  }
  if (name === "pacing") return numbers.pacing;
  if (name === "replicas") return String(numbers.replicas);
  if (name === "router") return numbers.router;
  if (name === "turns") return String(trace.mostTurns);
  return undefined;
}

/** Ends of the sliders that a trace decides. */
function setEnds(
  rows: ReadonlyMap<string, ChoiceRow>,
  trace: PageTrace,
  answer: ExploreAnswer | undefined,
): void {
  rows.get("turns")?.setEnds(1, Math.max(2, trace.mostTurns));
  const { blockSize } = answer?.numbers.engine ?? {};
  if (!answer || typeof blockSize !== "number") return;
  const least = Math.ceil(trace.longestTokens / blockSize);
  rows
    .get("kv-cache-size")
    ?.setEnds(least, Math.max(least * 64, (4 * answer.numbers.poolTokens) / blockSize));
}

/** Whole blocks that a pool of so many GiB has. */
function blocksOfGib(gib: number, answer: ExploreAnswer | undefined): number | undefined {
  const { poolBytes, poolTokens, engine } = answer?.numbers ?? {};
  const blockSize = engine?.blockSize;
  if (poolBytes === undefined || poolTokens === undefined || typeof blockSize !== "number") return undefined;
  return Math.max(1, Math.floor((gib * 2 ** 30) / (poolBytes / poolTokens) / blockSize));
}
