import { formatCount, formatMs, rounded } from "./format-quantity.js";
import { type CacheState, mutedColour, seriesColour } from "./house-style.js";
import type { ChartAxis } from "./log-axis.js";
import { type PanelPoint, type PanelSize, placeLabels } from "./place-labels.js";
import type { FigureJson } from "./plotly-figure.js";
import type { SurvivalPanel, SurvivalSeries } from "./survival-series.js";
import { labelWidthPx } from "./text-box.js";

/** The axes that all panels share. */
export interface SurvivalAxes {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
}

const labelSizePx = 12;
const labelLinePx = 15.6;

/** The panel's title, its quantile marks at the right edge, and the direct labels. */
export function panelTexts(
  panel: SurvivalPanel,
  axes: SurvivalAxes,
  size: PanelSize,
  suffix: string,
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
      place({ text, x: 1, y: rounded(axes.y.position(share)), xanchor: "left", yanchor: "middle", font }),
    );
  }
  const curves = panel.series.map((series) => curvePixels(series, axes, size));
  const blocks = (["on", "off", undefined] as const)
    .map((cache) => labelBlock(panel, cache))
    .filter((block) => block.curves.length > 0);
  const areas = panel.series.flatMap((series) => bandPoints(series, axes, size));
  placeLabels(size, curves, blocks, areas).forEach((box, at) => {
    blocks[at]?.forms[box.form]?.lines.forEach(({ text, color }, line) => {
      texts.push(
        place({
          text,
          x: rounded(box.x / size.width),
          y: rounded(1 - (box.y + line * labelLinePx) / size.height),
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

/** The direct label of the curves with the same cache state: one line a curve, or two or three where space is short. */
function labelBlock(panel: SurvivalPanel, cache: CacheState | undefined) {
  const curves = panel.series.flatMap((series, index) => (series.cache === cache ? [index] : []));
  const heading = {
    text: cache
      ? `<b>cache ${cache}, ${cache === "on" ? "solid" : "dashed"}</b>`
      : "<b>cache not recorded, dotted</b>",
    color: mutedColour,
  };
  const parts = curves.map((index) => {
    const { kind, label, medianMs, n, censored } = panel.series[index];
    return {
      who: label ?? kind,
      median: medianMs === undefined ? "median not reached" : `median ${formatMs(medianMs)}`,
      count: `n = ${formatCount(n)}`,
      lost: censored > 0 ? `, ${formatCount(censored)} censored` : "",
      color: seriesColour(kind),
    };
  });
  const wide = parts.map(({ who, median, count, lost, color }) => ({
    text: `${who}: ${median}, ${count}${lost}`,
    color,
  }));
  const narrow = parts.flatMap(({ who, median, count, lost, color }) => [
    { text: `${who}: ${median}`, color },
    { text: `${count}${lost}`, color },
  ]);
  const slim = parts.flatMap(({ who, median, count, lost, color }) =>
    [who, median, `${count}${lost}`].map((text) => ({ text, color })),
  );
  return { curves, forms: [wide, narrow, slim].map((lines) => labelForm([heading, ...lines])) };
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
