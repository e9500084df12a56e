import type { Tokens } from "../base/index.js";
import { gridColour, inkColour, modeledColour } from "./house-style.js";
import type { FigureJson } from "./plotly-figure.js";

/** How a part of a prompt is drawn: what was found in the cache, or what was computed, by its cause. */
export interface MissStyle {
  /** "cached", or a cause of `prefixlab/explain`. */
  readonly name: string;
  readonly label: string;
  /** Found, or lost: computed although an earlier prompt should have left it in the cache; or new (or not known). */
  readonly part: "found" | "lost" | "new";
  readonly colour: string;
  /** Hatched in white (in ink where the colour is white), by plotly's name: hatches keep causes apart in a grey print. */
  readonly hatch: "" | "/" | "\\" | "x" | "." | "|" | "-";
  /** One character of a strip in a terminal. */
  readonly character: string;
}

const newColour = "#8c8c8c";
const divergedColour = "#d55e00";
const waitingColour = "#009e73";
const routedColour = "#cc79a7";
const paper = "#ffffff";

/**
 * In the order in which they are stacked, from below: what was found, what an earlier prompt should have left there, and
 * what is new. A colour is a remedy: orange is for clients, blue for a larger pool, green for pacing, pink for the
 * router, black for the engine's operator, grey for nobody.
 */
export const missStyles: readonly MissStyle[] = [
  { name: "cached", label: "cached", part: "found", colour: gridColour, hatch: "", character: "." },
  { name: "diverged", label: "diverged", part: "lost", colour: divergedColour, hatch: "/", character: "D" },
  { name: "evicted", label: "evicted", part: "lost", colour: modeledColour, hatch: "", character: "E" },
  {
    name: "evicted_order_unknown",
    label: "evicted, order unknown",
    part: "lost",
    colour: modeledColour,
    hatch: "\\",
    character: "e",
  },
  { name: "not_ready", label: "not ready", part: "lost", colour: waitingColour, hatch: ".", character: "W" },
  { name: "elsewhere", label: "elsewhere", part: "lost", colour: routedColour, hatch: "|", character: "L" },
  { name: "off", label: "caching off", part: "lost", colour: inkColour, hatch: "", character: "O" },
  { name: "reset", label: "reset", part: "lost", colour: inkColour, hatch: "/", character: "R" },
  { name: "unexplained", label: "unexplained", part: "lost", colour: paper, hatch: "x", character: "?" },
  { name: "not_known", label: "no hashes", part: "new", colour: paper, hatch: ".", character: "h" },
  { name: "block_tail", label: "block tail", part: "new", colour: "#b8b8b8", hatch: "", character: "t" },
  { name: "first_use", label: "first use", part: "new", colour: newColour, hatch: "", character: "n" },
];

/** Tokens of a prompt that are lost. */
export function lostTokens(parts: readonly { readonly cause: string; readonly tokens: Tokens }[]): Tokens {
  return parts.reduce((sum, { cause, tokens }) => sum + (lostNames.has(cause) ? tokens : 0), 0);
}

const lostNames: ReadonlySet<string> = new Set(
  missStyles.flatMap(({ name, part }) => (part === "lost" ? [name] : [])),
);

/** A bar's marker in plotly's names. */
export function missMarker({ colour, hatch }: MissStyle): Readonly<Record<string, FigureJson>> {
  const isPaper = colour === paper;
  return {
    color: colour,
    line: { width: isPaper ? 0.75 : 0, color: inkColour },
    ...(hatch !== "" && {
      pattern: {
        shape: hatch,
        bgcolor: colour,
        fgcolor: isPaper ? inkColour : paper,
        fillmode: "replace",
        size: 6,
        solidity: 0.3,
      },
    }),
  };
}
