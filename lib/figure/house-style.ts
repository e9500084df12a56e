import type { FigureJson } from "./plotly-figure.js";

/**
 * The house style: who made a number is a colour, whether the cache was on is a dash.
 *
 * Captured is black, modeled is blue; on is solid, off is dashed, not known is dotted. Blue and the two accents are from
 * the palette of Okabe and Ito (2008), which stays apart under the common colour blindnesses; black, blue, orange and
 * green also differ in lightness, so a grey print keeps them apart.
 */
export const inkColour = "#1a1a1a";
/** Modeled: emitted by the simulator. */
export const modeledColour = "#0072b2";
/** A second modeled series, or what a chart wants the eye to go to. */
const accentColour = "#d55e00";
/** A third series. */
const thirdColour = "#009e73";
/** Reference lines, secondary text. */
export const mutedColour = "#6b6b6b";
/** Grid lines. */
export const gridColour = "#e6e6e6";

/** A colour by the part that it plays in a chart. */
export type ColourName = "captured" | "modeled" | "accent" | "third" | "muted";

/** The colours by the parts they play. */
export const colours: Readonly<Record<ColourName, string>> = {
  captured: inkColour,
  modeled: modeledColour,
  accent: accentColour,
  third: thirdColour,
  muted: mutedColour,
};

/** Where a series comes from. */
export type SeriesKind = "captured" | "modeled";

/** Whether the prefix cache was on. */
export type CacheState = "on" | "off";

/** Font of every figure; the first one ships with the package and is used for PNG. */
export const fontFamily = "Inter, Helvetica Neue, Arial, sans-serif";
export const fontSizePx = 13;

/** Colour of a series by its origin. */
export function seriesColour(kind: SeriesKind): string {
  return kind === "captured" ? inkColour : modeledColour;
}

/**
 * Line of a series: captured wide and modeled narrow above it, so that agreement shows as a core in an outline. Dotted
 * where it is not known whether the cache was on.
 */
export function seriesLine(
  kind: SeriesKind,
  cache: CacheState | undefined,
): Readonly<Record<string, FigureJson>> {
  return {
    color: seriesColour(kind),
    width: kind === "captured" ? 3 : 1.75,
    dash: cache === "on" ? "solid" : cache === "off" ? "6px,4px" : "1.5px,3px",
  };
}

/** A colour with transparency, as plotly and SVG take it. */
export function translucent(hex: string, opacity: number): string {
  const channel = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
  return `rgba(${channel(1)},${channel(3)},${channel(5)},${opacity})`;
}

/** Margins of a figure in pixels: explicit, so that labels can be placed before anything is drawn. */
export interface FigureMargin {
  readonly l: number;
  readonly r: number;
  readonly t: number;
  readonly b: number;
}

/** What every layout shares: fonts, white paper, no legend (labels are direct), a title at the left. */
export function baseLayout(options: {
  readonly title: string;
  readonly subtitle?: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly margin: FigureMargin;
}): Readonly<Record<string, FigureJson>> & { readonly width: number; readonly height: number } {
  const { title, subtitle, widthPx, heightPx, margin } = options;
  return {
    width: widthPx,
    height: heightPx,
    margin: { ...margin },
    font: { family: fontFamily, size: fontSizePx, color: inkColour },
    paper_bgcolor: "#ffffff",
    plot_bgcolor: "#ffffff",
    showlegend: false,
    hovermode: "closest",
    annotations: [
      pageText(`<b>${title}</b>`, 16, inkColour, -margin.l + 16, margin.t - 12, margin),
      ...(subtitle ? [pageText(subtitle, 12.5, mutedColour, -margin.l + 16, margin.t - 36, margin)] : []),
    ],
  };
}

/** Text placed in pixels from the plot area's top left corner, upwards. */
function pageText(
  text: string,
  sizePx: number,
  color: string,
  xshift: number,
  yshift: number,
  margin: FigureMargin,
): FigureJson {
  return {
    text,
    showarrow: false,
    font: { size: sizePx, color },
    xref: "paper",
    yref: "paper",
    x: 0,
    y: 1,
    xanchor: "left",
    yanchor: "top",
    align: "left",
    xshift,
    yshift: Math.min(yshift, margin.t),
  };
}

/** What every axis shares: a thin line, outside ticks, a pale grid, no zero line, no zoom surprises. */
export function baseAxis(title: string): Readonly<Record<string, FigureJson>> {
  return {
    title: { text: title, standoff: 8, font: { size: fontSizePx } },
    showline: true,
    linecolor: mutedColour,
    linewidth: 1,
    ticks: "outside",
    ticklen: 4,
    tickcolor: mutedColour,
    gridcolor: gridColour,
    zeroline: false,
    automargin: false,
  };
}
