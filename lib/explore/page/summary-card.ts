import type { CohortSummary } from "../../cohorts/index.js";
import { type EngineSettingName, settingRow } from "../../settings/index.js";
import type { DrawnSurvival, ExploreAnswer, ExploreNumbers } from "../explore-answer.js";
import type { PageModel, PageTrace } from "../explore-page.js";
import type { CapturedSurvival } from "../explorer.js";
import { element } from "./element.js";
import { grouped, short, showMs, showShare } from "./format.js";

/** What the summary says of one answer. */
export interface SummaryOf {
  readonly answer: ExploreAnswer;
  readonly captured: CapturedSurvival;
  /** The engine as it was captured, where something else is chosen. */
  readonly previous: ExploreAnswer | undefined;
  readonly isCoarse: boolean;
}

/** The card above the figures: numbers, what they rest on, and how to get them again. */
export interface SummaryCard {
  readonly box: HTMLElement;
  show(trace: PageTrace, model: PageModel | undefined, what: SummaryOf): void;
  command(text: string): void;
  refused(message: string | undefined): void;
}

/** Makes the card. */
export function summaryCard(get: { copyLink(): string; command(): string }): SummaryCard {
  const says = element("p", { class: "says", "aria-live": "polite", role: "status" });
  const wrong = element("p", { class: "wrong", role: "alert" });
  wrong.hidden = true;
  const body = element("tbody");
  const told = element("ul", { class: "told" });
  const command = element("code", { id: "command", "aria-label": "command that computes the same numbers" });
  const head = ["", "requests", "TTFT p50", "p90", "p99", "ITL p50", "total p50"];
  const box = element(
    "section",
    { class: "card summary", "aria-label": "summary" },
    wrong,
    says,
    element(
      "div",
      { class: "numbers", tabindex: 0, role: "group", "aria-label": "latencies by cohort" },
      element(
        "table",
        {},
        element("caption", { class: "hidden" }, "latencies by cohort"),
        element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
        body,
      ),
    ),
    told,
    element(
      "div",
      { class: "command" },
      command,
      copyButton("Copy as command", get.command),
      copyButton("Copy link", get.copyLink),
    ),
  );
  return {
    box,
    command(text) {
      command.textContent = text;
    },
    refused(message) {
      wrong.hidden = message === undefined;
      wrong.textContent = message ?? "";
    },
    show(trace, model, { answer, captured, previous, isCoarse }) {
      const { numbers } = answer;
      says.textContent = `${isCoarse ? "First look, of the first requests alone: " : ""}${sentence(numbers)}`;
      body.replaceChildren(
        ...(["turn1", "turns2plus"] as const).flatMap((cohort) => {
          const title = cohort === "turn1" ? "first turns" : "later turns";
          return [
            ...(captured[cohort] ? [capturedRow(`${title}, captured`, captured[cohort])] : []),
            ...(previous ? [row(`${title}, modeled as captured`, "", previous.numbers.cohorts[cohort])] : []),
            row(`${title}, modeled${previous ? " as chosen" : ""}`, "modeled", numbers.cohorts[cohort]),
          ];
        }),
      );
      told.replaceChildren(...notesOf(trace, model, numbers).map((text) => element("li", {}, text)));
    },
  };
}

function sentence(n: ExploreNumbers): string {
  const { turns2plus, all } = n.cohorts;
  const [who, { ttftMs }] = turns2plus.n > 0 ? ["later turns", turns2plus] : ["all requests", all];
  const waits =
    ttftMs.p50 === undefined
      ? `fewer than half of ${who} get a first token`
      : `half of ${who} wait ${showMs(ttftMs.p50)} for their first token${ttftMs.p99 === undefined ? "" : `, one in a hundred ${showMs(ttftMs.p99)}`}`;
  const busy = n.busyFraction / n.replicas;
  const { timedOutBeforeFirstToken: cut, neverSent } = n.outcomes;
  return [
    waits,
    `${showShare(n.hitFraction)} of prompt tokens are found`,
    `the engine${n.replicas > 1 ? "s are" : " is"} busy ${showShare(busy)} of the time`,
    ...(n.preemptions > 0 ? [`${grouped(n.preemptions)} preemptions`] : []),
    ...(cut > 0 ? [`${grouped(cut)} requests are given up before their first token`] : []),
    ...(neverSent > 0 ? [`${grouped(neverSent)} are never sent`] : []),
    ...(n.refused > 0 ? [`${grouped(n.refused)} do not fit the pool and are refused`] : []),
  ].join("; ");
}

function row(
  title: string,
  kind: string,
  { n, censored, ttftMs, itlMs, totalMs }: CohortSummary,
): HTMLElement {
  const cells = [
    `${grouped(n)}${censored > 0 ? ` (${grouped(censored)} censored)` : ""}`,
    ...[ttftMs.p50, ttftMs.p90, ttftMs.p99, itlMs.p50, totalMs.p50].map(showMs),
  ];
  return element(
    "tr",
    { class: kind },
    element("th", { scope: "row" }, title),
    ...cells.map((text) => element("td", {}, text)),
  );
}

/** Of what was captured the page draws the curve; its quantiles are read off it. */
function capturedRow(title: string, curve: DrawnSurvival): HTMLElement {
  const below = (share: number) => {
    const at = curve.survival.findIndex((value) => value <= 1 - share + 1e-12);
    return at < 0 ? undefined : curve.times[at];
  };
  const cells = [
    `${grouped(curve.n)}${curve.censored > 0 ? ` (${grouped(curve.censored)} censored)` : ""}`,
    showMs(curve.medianMs),
    showMs(below(0.9)),
    showMs(below(0.99)),
    "",
    "",
  ];
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, title),
    ...cells.map((text) => element("td", {}, text)),
  );
}

function notesOf(trace: PageTrace, model: PageModel | undefined, n: ExploreNumbers): string[] {
  const gib = n.poolBytes === undefined ? "" : ` = ${short(n.poolBytes / 2 ** 30)} GiB`;
  const assumed = Object.entries(n.from)
    .filter(
      ([name, from]) =>
        from === "assumed" &&
        ["blockSize", "kvCacheBlocks", "maxNumSeqs", "maxNumBatchedTokens"].includes(name),
    )
    .map(([name]) => settingRow(name as EngineSettingName).flag);
  return [
    `${grouped(trace.requests)} requests in ${grouped(trace.sessions)} sessions; pool ${grouped(n.poolTokens)} tokens${gib}; pacing ${n.pacing} (${n.pacingFrom}); latency ${n.latency}`,
    ...(assumed.length > 0 ? [`assumed, as the trace does not tell: ${assumed.join(", ")}`] : []),
    ...(n.extrapolated > 0
      ? [`extrapolated: ${showShare(n.extrapolated)} of the requests are outside the model's fit range`]
      : []),
    ...trace.notes,
    ...(model?.notes ?? []),
    ...n.assumptions,
  ];
}

function copyButton(text: string, what: () => string): HTMLElement {
  const button = element("button", { type: "button" }, text);
  button.addEventListener("click", async () => {
    const isCopied = await copied(what());
    button.textContent = isCopied ? "Copied" : "Copying is not allowed here";
    setTimeout(() => {
      button.textContent = text;
    }, 1500);
  });
  return button;
}

/** The clipboard is closed to some pages inside others; the old command may do. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", {}, text);
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}
