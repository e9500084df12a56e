import type { ExploreAnswer, ExploreNumbers } from "../explore-answer.js";
import type { ExploreRequest } from "../explore-messages.js";
import type { ExplorePage } from "../explore-page.js";
import type { CapturedSurvival, ExploreSharing } from "../explorer.js";
import { element } from "./element.js";
import { hitFigure, loadFigure, reuseFigure, sessionFigure, survivalFigure, timeRange } from "./figures.js";
import { pageForm } from "./form.js";
import { commandOfState, hashOfState, type PageState, stateOfHash } from "./link.js";
import { pageCards } from "./page-cards.js";
import { type PageAnswer, Simulator } from "./simulator.js";
import { summaryCard } from "./summary-card.js";
import { onThemeChange, themeNow } from "./theme.js";

const json = (id: string) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
const page = json("page") as ExplorePage;
const start = json("start") as ExploreRequest;
const script = document.getElementById("worker")?.textContent ?? "";

/** What programs may ask of the page: the numbers of a state, once they are drawn. */
interface ExplorerHandle {
  choose(
    hash: string,
  ): Promise<{ numbers: ExploreNumbers; drawnMs: number; coarseMs?: number; computingMs: number }>;
}

let state: PageState = { trace: 0, latency: page.models[0].name, choices: {}, session: 0 };
/** The engine as it was captured, of each trace and model that was looked at. */
const before = new Map<string, ExploreAnswer>();
let shown: PageAnswer | undefined;
let sharing: ExploreSharing | undefined;
let askedMs = 0;
let coarseMs: number | undefined;
/** What of the address did not fit: said until something else is chosen. */
let problem: string | undefined;
let afterwards: (() => void) | undefined;
let waiting: ((told: Awaited<ReturnType<ExplorerHandle["choose"]>>) => void) | undefined;

const cards = pageCards();
const summary = summaryCard({
  copyLink: () => location.href,
  command: () => commandOfState(state, page),
});
const form = pageForm(page, () => state, change);

document
  .getElementById("explorer")
  ?.replaceChildren(
    element(
      "header",
      {},
      element("h1", {}, "What would the prefix cache do?"),
      element("p", {}, "every change replays the trace in this page; nothing leaves it"),
    ),
    element("div", { class: "parts" }, form.box, element("main", {}, summary.box, ...cards.boxes)),
  );
cards.onSession((by) => {
  const { session, sessions } = shown?.answer.session ?? { session: 0, sessions: 1 };
  change({ ...state, session: (session + by + sessions) % sessions });
});

const requests = Math.max(...page.traces.map((trace) => trace.requests));
const simulator = new Simulator(script, start, requests, {
  answered(answer) {
    if (answer.isCoarse) coarseMs = performance.now() - askedMs;
    shown = answer;
    const key = `${answer.question.trace} ${answer.question.latency}`;
    if (!answer.isCoarse && Object.keys(answer.question.choices).length === 0) before.set(key, answer.answer);
    summary.refused(problem);
    draw(answer);
    if (!answer.isCoarse) {
      const { computingMs } = answer;
      waiting?.({
        numbers: answer.answer.numbers,
        drawnMs: performance.now() - askedMs,
        ...(coarseMs !== undefined && { coarseMs }),
        computingMs,
      });
      waiting = undefined;
      const next = afterwards;
      afterwards = undefined;
      next?.();
    }
  },
  shared(told, isCoarse) {
    sharing = told;
    drawSharing(isCoarse);
  },
  refused: (message) => summary.refused(message),
});

/** Shows another state; `then` is called once its exact answer is there. */
function change(next: PageState, then?: () => void): void {
  state = next;
  afterwards = then;
  problem = undefined;
  if (!then) nameAddress();
  form.show(state, undefined);
  summary.command(commandOfState(state, page));
  askedMs = performance.now();
  coarseMs = undefined;
  simulator.ask(state);
}

function nameAddress(): void {
  const hash = hashOfState(state, page);
  // A page inside another, as a notebook's output is, may not change its address.
  try {
    history.replaceState(null, "", hash === "" ? location.href.replace(/#.*$/, "") : `#${hash}`);
  } catch {}
}

function draw({ answer, captured, question, isCoarse }: PageAnswer): void {
  const theme = themeNow();
  const asCaptured = before.get(`${question.trace} ${question.latency}`);
  const isChosen = Object.keys(question.choices).length > 0;
  const previous = isChosen ? asCaptured : undefined;
  const range = timeRange([
    ...curvesOf(captured),
    ...curvesOf(previous?.survival),
    ...curvesOf(answer.survival),
  ]);
  for (const cohort of ["turn1", "turns2plus"] as const)
    cards.draw(
      cohort,
      survivalFigure(
        theme,
        { captured: captured[cohort], before: previous?.survival[cohort], modeled: answer.survival[cohort] },
        range,
      ),
      isCoarse,
    );
  cards.draw("load", loadFigure(theme, answer), isCoarse);
  cards.draw("session", sessionFigure(theme, answer), isCoarse);
  cards.nameSession(answer.session);
  summary.show(
    page.traces[question.trace],
    page.models.find(({ name }) => name === question.latency),
    {
      answer,
      captured,
      previous,
      isCoarse,
    },
  );
  if (!isCoarse) form.show(state, answer);
}

function drawSharing(isCoarse: boolean): void {
  if (!sharing || !shown) return;
  const theme = themeNow();
  const { reuse, curve } = sharing;
  cards.draw("reuse", reuseFigure(theme, reuse), isCoarse, reuse.whyNoCauses);
  if (curve) cards.draw("hits", hitFigure(theme, curve, shown.answer), isCoarse);
  else cards.leaveOut("hits", "The trace has no block hashes: no prompt is known to share anything.");
}

function curvesOf(curves: CapturedSurvival | undefined) {
  return curves ? [curves.turn1, curves.turns2plus] : [];
}

onThemeChange(() => {
  if (!shown) return;
  draw(shown);
  drawSharing(shown.isCoarse);
});
addEventListener("hashchange", () => openHash());

/** What the address says; where it says what does not fit, the trace's own settings, and why. */
function openHash(): void {
  try {
    change(stateOfHash(location.hash, page));
  } catch (error) {
    change({ ...state, choices: {} });
    problem = error instanceof Error ? error.message : String(error);
    summary.refused(problem);
  }
}

const handle: ExplorerHandle = {
  choose: (hash) =>
    new Promise((resolve, reject) => {
      waiting = resolve;
      try {
        change(stateOfHash(hash, page));
      } catch (error) {
        reject(error);
      }
    }),
};
(globalThis as unknown as { prefixlabExplorer: ExplorerHandle }).prefixlabExplorer = handle;

// The engine as it was captured is what the reader's choices stand beside: it is asked for first.
const opening = () => {
  if (location.hash.length > 1) openHash();
};
form.show(state, undefined);
change(state, opening);
