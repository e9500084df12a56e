import { formatCount, formatMs } from "./format-quantity.js";
import { type CacheState, colours, mutedColour, seriesColour } from "./house-style.js";
import type { ChartAxis } from "./log-axis.js";
import { type PanelPoint, type PanelSize, placeLabels } from "./place-labels.js";
import type { FigureJson } from "./plotly-figure.js";
import type { SurvivalMark, SurvivalPanel, SurvivalSeries } from "./survival-series.js";
import { labelWidthPx } from "./text-box.js";

/** The axes that all panels share. */
export interface SurvivalAxes {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
}

const labelSizePx = 12;
const labelLinePx = 15.6;

/** The panel's title, its quantile marks at the right edge, the names of reference lines, and the direct labels. */
export function panelTexts(
  panel: SurvivalPanel,
  axes: SurvivalAxes,
  size: PanelSize,
  suffix: string,
  marks: readonly SurvivalMark[] = [],
): FigureJson[] {
  const place = (attributes: Readonly<Record<string, FigureJson>>): FigureJson => ({
    xref: `x${suffix} domain`,
    yref: `y${suffix} domain`,
    showarrow: false,
    ...attributes,
  });
  const texts: FigureJson[] = [
    place({
      text: `<b>${panel.title}</b>`,
      x: 0,
      y: 1,
      xanchor: "left",
      yanchor: "bottom",
      yshift: 6,
      font: { size: 13 },
    }),
  ];
  for (const [share, text] of [
    [0.5, "p50"],
    [0.1, "p90"],
    [0.01, "p99"],
  ] as const) {
    if (share < axes.y.min) continue;
    const font = { size: 11, color: mutedColour };
    texts.push(
      place({
        text,
        x: 1,
        yref: `y${suffix}`,
        y: axes.y.coordinateAt(axes.y.position(share)),
        xanchor: "left",
        yanchor: "middle",
        font,
      }),
    );
  }
  for (const { timeMs, text } of marks) {
    const font = { size: 11, color: mutedColour };
    const x = axes.x.coordinateAt(axes.x.position(timeMs));
    texts.push(place({ text, xref: `x${suffix}`, x, y: 1, xanchor: "right", yanchor: "bottom", font }));
  }
  const curves = panel.series.map((series) => curvePixels(series, axes, size));
  const blocks = headingsOf(panel).map((heading) => labelBlock(panel, heading));
  const areas = panel.series.flatMap((series) => bandPoints(series, axes, size));
  placeLabels(size, curves, blocks, areas).forEach((box, at) => {
    blocks[at]?.forms[box.form]?.lines.forEach(({ text, color }, line) => {
      texts.push(
        place({
          text,
          xref: `x${suffix}`,
          yref: `y${suffix}`,
          x: axes.x.coordinateAt(box.x / size.width),
          y: axes.y.coordinateAt(1 - box.y / size.height),
          yshift: (0 - line) * labelLinePx,
          xanchor: "left",
          yanchor: "top",
          align: "left",
          borderpad: 0,
          font: { size: labelSizePx, color },
        }),
      );
    });
  });
  return texts;
}

interface LabelLine {
  readonly text: string;
  readonly color: string;
}

/** Headings of the direct labels: those of the cache's states first. */
function headingsOf({ series }: SurvivalPanel): string[] {
  const states = (["on", "off", undefined] as const).map(cacheHeading);
  const used = new Set(series.filter(({ texts }) => texts?.length !== 0).map(headingOf));
  return [
    ...states.filter((heading) => used.has(heading)),
    ...[...used].filter((heading) => !states.includes(heading)),
  ];
}

function headingOf({ heading, cache }: SurvivalSeries): string {
  return heading ?? cacheHeading(cache);
}

function cacheHeading(cache: CacheState | undefined): string {
  return cache ? `cache ${cache}, ${cache === "on" ? "solid" : "dashed"}` : "cache not recorded, dotted";
}

/** The direct label of the curves with the same heading: one line a curve, or two or three where space is short. */
function labelBlock(panel: SurvivalPanel, title: string) {
  const curves = panel.series.flatMap((series, index) => (headingOf(series) === title ? [index] : []));
  const heading = { text: `<b>${title}</b>`, color: mutedColour };
  const forms = ([wideTexts, narrowTexts, slimTexts] as const).map((textsOf) =>
    labelForm([
      heading,
      ...curves.flatMap((index) => {
        const series = panel.series[index];
        const color = series.style?.colour ? colours[series.style.colour] : seriesColour(series.kind);
        return textsOf(series).map((text) => ({ text, color }));
      }),
    ]),
  );
  return { curves, forms };
}

function wideTexts(series: SurvivalSeries): readonly string[] {
  if (series.texts) return series.texts;
  const { who, median, count } = partsOf(series);
  return [`${who}: ${median}, ${count}`];
}

function narrowTexts(series: SurvivalSeries): readonly string[] {
  if (series.texts) return series.texts.flatMap((text) => text.split(/(?<=[,;]) /));
  const { who, median, count } = partsOf(series);
  return [`${who}: ${median}`, count];
}

function slimTexts(series: SurvivalSeries): readonly string[] {
  if (series.texts) return narrowTexts(series);
  const { who, median, count } = partsOf(series);
  return [who, median, count];
}

function partsOf({ kind, label, medianMs, n, censored }: SurvivalSeries) {
  return {
    who: label ?? kind,
    median: medianMs === undefined ? "median not reached" : `median ${formatMs(medianMs)}`,
    count: `n = ${formatCount(n)}${censored > 0 ? `, ${formatCount(censored)} censored` : ""}`,
  };
}

function labelForm(lines: readonly LabelLine[]) {
  const widths = lines.map(({ text }) =>
    labelWidthPx(text.replace(/<.*?>/g, ""), labelSizePx, text.startsWith("<b>")),
  );
  return { lines, width: Math.max(...widths) + 4, height: lines.length * labelLinePx };
}

/** Points inside the band of a curve, eight pixels apart. */
function bandPoints({ curve }: SurvivalSeries, axes: SurvivalAxes, size: PanelSize): PanelPoint[] {
  const { times, lower, upper } = curve;
  if (!lower || !upper) return [];
  const across = (time: number) => axes.x.position(time) * size.width;
  const down = (share: number) => (1 - axes.y.position(Math.max(share, axes.y.min))) * size.height;
  const points: PanelPoint[] = [];
  for (let i = 0; i + 1 < times.length; i++) {
    if (!(times[i] > 0) || !Number.isFinite(upper[i])) continue;
    const right = across(times[i + 1]);
    const bottom = down(Number.isFinite(lower[i]) ? lower[i] : 0);
    for (let x = across(times[i]); x <= right; x += 8)
      for (let y = down(upper[i]); y <= bottom; y += 8) points.push({ x, y });
  }
  return points;
}

/** The step vertices of a curve in pixels from the panel's top left corner. */
function curvePixels(series: SurvivalSeries, axes: SurvivalAxes, size: PanelSize): PanelPoint[] {
  const points: PanelPoint[] = [];
  const add = (time: number, share: number) =>
    points.push({
      x: axes.x.position(time) * size.width,
      y: (1 - axes.y.position(Math.max(share, axes.y.min))) * size.height,
    });
  if (series.style?.draw === "points") {
    // No line between them: the outline of each marker keeps labels off it.
    for (let i = 0; i < series.curve.times.length; i++) {
      add(series.curve.times[i], series.curve.survival[i]);
      const { x, y } = points.pop() as PanelPoint;
      const corners = [0, 1, 2, 3, 0].map((k) => (k * Math.PI) / 2);
      points.push({ x: Number.NaN, y: Number.NaN });
      points.push(...corners.map((angle) => ({ x: x + 7 * Math.cos(angle), y: y + 7 * Math.sin(angle) })));
    }
    return points;
  }
  add(axes.x.min, 1);
  let share = 1;
  for (let i = 0; i < series.curve.times.length; i++) {
    const time = series.curve.times[i];
    if (!(time > 0)) continue;
    add(time, share);
    share = series.curve.survival[i];
    add(time, share);
  }
  return points;
}
