import type { SessionTurns } from "../session-turns.js";
import { element } from "./element.js";
import type { LegendEntry, PageFigure } from "./figures.js";

/** Figures of the page. */
export type CardName = "turn1" | "turns2plus" | "hits" | "reuse" | "load" | "session";

const cardTitles: Readonly<Record<CardName, readonly [title: string, about: string]>> = {
  turn1: [
    "First turns: time to first token",
    "share of requests still waiting after x; bands are pointwise 95 %",
  ],
  turns2plus: [
    "Later turns: time to first token",
    "share of requests still waiting after x; bands are pointwise 95 %",
  ],
  hits: [
    "How much pool is enough",
    "share of prompt tokens found, requests served one after another; the diamond is this replay",
  ],
  reuse: ["Where prompt tokens came from", "found in the cache, or computed, by cause"],
  load: [
    "Queue and pool over time",
    "requests that run and wait, blocks that they hold: the most in each stretch of time",
  ],
  session: ["One session", "from the first request sent to the last token"],
};

/** The part of plotly that the page calls. */
interface PagePlotly {
  react(div: HTMLElement, data: readonly object[], layout: object, config: object): Promise<unknown>;
  purge(div: HTMLElement): void;
}

// Zoom by dragging, back by a double click; plotly's row of buttons would lie over the figure.
const config = { responsive: true, displayModeBar: false };

/** The page's figures, one card each. */
export interface PageCards {
  readonly boxes: readonly HTMLElement[];
  draw(name: CardName, figure: PageFigure, isCoarse: boolean, note?: string): void;
  /** Says in a figure's place why it is not there. */
  leaveOut(name: CardName, why: string): void;
  nameSession(session: SessionTurns): void;
  /** Calls back when the reader goes to another session: by how many. */
  onSession(go: (by: number) => void): void;
}

/** Makes the cards. */
export function pageCards(): PageCards {
  const made = new Map(Object.keys(cardTitles).map((name) => [name as CardName, card(name as CardName)]));
  // What is out of sight is drawn when it comes into sight.
  const seen = new Set<Element>();
  const latest = new Map<Element, () => void>();
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) seen.delete(target);
        else if (!seen.has(target)) {
          seen.add(target);
          latest.get(target)?.();
        }
      }
    },
    { rootMargin: "120px" },
  );
  for (const { box } of made.values()) watch.observe(box);
  const of = (name: CardName) => made.get(name) as ReturnType<typeof card>;
  const back = element("button", { type: "button", "aria-label": "session before" }, "‹");
  const onward = element("button", { type: "button", "aria-label": "next session" }, "›");
  const which = element("span", {});
  of("session").box.insertBefore(
    element("div", { class: "buttons" }, back, which, onward),
    of("session").place,
  );
  return {
    boxes: [...made.values()].map(({ box }) => box),
    draw(name, figure, isCoarse, note) {
      const { box, told, noted, legend } = of(name);
      box.classList.toggle("coarse", isCoarse);
      told.textContent = figure.says;
      noted.textContent = note ?? "";
      legend.replaceChildren(...figure.legend.map(legendEntry));
      latest.set(box, () => drawInto(of(name).place, cardTitles[name][0], figure));
      if (seen.has(box)) latest.get(box)?.();
    },
    leaveOut(name, why) {
      const { box, place, noted, told, legend } = of(name);
      latest.delete(box);
      legend.replaceChildren();
      (globalThis as unknown as { Plotly: PagePlotly }).Plotly.purge(place);
      place.replaceChildren();
      told.textContent = "";
      noted.textContent = why;
    },
    nameSession({ session, sessions, neverSent }) {
      which.textContent = `session ${session + 1} of ${sessions}${neverSent > 0 ? `; ${neverSent} of its requests were never sent` : ""}`;
    },
    onSession(go) {
      back.addEventListener("click", () => go(-1));
      onward.addEventListener("click", () => go(1));
    },
  };
}

function drawInto(place: HTMLElement, title: string, { data, layout, says }: PageFigure): void {
  (globalThis as unknown as { Plotly: PagePlotly }).Plotly.react(place, data, layout, config);
  place.setAttribute("aria-label", `${title}: ${says}`);
}

function legendEntry({ name, colour, draw, widthPx = 1.5, dash = "" }: LegendEntry): HTMLElement {
  const sign = element("span", { class: "sign", "aria-hidden": "true" });
  const pattern: Readonly<Record<string, string>> = {
    "/": '<path d="M2 14L14 2M-2 8L6 0M10 16L18 8M18 14L26 6M10 6L16 0" stroke="var(--paper)" stroke-width="1.6"/>',
    ".": '<path d="M3 4h2M9 4h2M15 4h2M21 4h2M6 9h2M12 9h2M18 9h2" stroke="var(--paper)" stroke-width="2"/>',
  };
  const shape =
    draw === "line"
      ? `<path d="M0 6H26" stroke="${colour}" stroke-width="${widthPx}" stroke-dasharray="${dash.replaceAll("px", "")}"/>`
      : draw === "diamond"
        ? `<path d="M13 0L19 6L13 12L7 6Z" fill="${colour}"/>`
        : `<rect width="26" height="12" fill="${colour}"/>${pattern[dash] ?? ""}`;
  sign.innerHTML = `<svg width="26" height="12" viewBox="0 0 26 12">${shape}</svg>`;
  return element("li", {}, sign, name);
}

function card(name: CardName) {
  const [title, about] = cardTitles[name];
  const place = element("div", { role: "img", "aria-label": title });
  const told = element("p", { class: "hidden" });
  const noted = element("p", { class: "about" });
  const legend = element("ul", { class: "legend" });
  const box = element(
    "section",
    { class: "card half", id: `card-${name}`, "aria-label": title },
    element("h2", {}, title),
    element("p", { class: "about" }, about),
    legend,
    place,
    told,
    noted,
  );
  return { box, place, told, noted, legend };
}
