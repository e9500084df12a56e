import { InputError } from "../base/index.js";
import type { Table } from "../table/index.js";
import type { AxisRequest, AxisUnit } from "./chart-axis.js";
import type { ColourName } from "./house-style.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type ChartSeries, xyChart } from "./xy-chart.js";

export interface TableChartOptions {
  readonly title: string;
  readonly subtitle?: string;
  /** A column of numbers. What its name ends in is the unit of the axis: `_ms` times, `_share` and `_fraction` shares. */
  readonly x: string;
  /** The same; of several columns of one unit, each is a series of its name. */
  readonly y: string | readonly string[];
  /** A column whose values are the series, in place of several `y`. Default: one series, without a name. */
  readonly by?: string;
  /** Default: the names of the columns. */
  readonly xTitle?: string;
  readonly yTitle?: string;
  /** Default "line". */
  readonly draw?: ChartSeries["draw"];
  /** Axes with a logarithmic scale. Default: none. */
  readonly log?: "x" | "y" | "xy";
}

interface Points {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Colours of series that do not say who made them. */
const colourOrder: readonly ColourName[] = ["captured", "accent", "third", "modeled", "muted"];

/**
 * A chart of columns of a table, in the house style. A series whose name holds "captured" or "modeled" has the colour of that,
 * one whose name holds "off" is dashed, as in every figure here.
 * @throws InputError for a column that is no column of numbers, several `y` beside `by`, or more than five series
 * @example
 * ```ts
 * import { tableChart, tableOf } from "prefixlab";
 * const table = tableOf([{ turn: 1, on_ms: 50.8, off_ms: 7480 }, { turn: 2, on_ms: 55, off_ms: 9120 }]);
 * const figure = tableChart(table, { title: "TTFT by turn", x: "turn", y: ["on_ms", "off_ms"], log: "y" });
 * figure.data.map(({ name }) => name); // → ["on", "off"]
 * ```
 */
export function tableChart(table: Table, options: TableChartOptions): PlotlyFigure {
  const { title, subtitle, x, by, draw = "line", log = "" } = options;
  const columns = typeof options.y === "string" ? [options.y] : options.y;
  if (by !== undefined && columns.length > 1)
    throw new InputError(
      `tableChart: series are told by ${by} or by several y, got ${columns.join(", ")} too`,
    );
  const points = by === undefined ? columnPoints(table, x, columns) : groupPoints(table, x, columns[0], by);
  if (points.length > colourOrder.length)
    throw new InputError(
      `tableChart: at most ${colourOrder.length} series can be told apart, got ${points.length}${by === undefined ? "" : ` values of ${by}`}: choose some`,
    );
  const isNamed = by !== undefined || columns.length > 1;
  const coloured = coloursOf(points.map(({ name }) => name));
  return xyChart({
    title,
    ...(subtitle !== undefined && { subtitle }),
    x: axisOf(
      [x],
      points.flatMap((one) => one.x),
      { title: options.xTitle, isLog: log.includes("x") },
    ),
    y: axisOf(
      columns,
      points.flatMap((one) => one.y),
      { title: options.yTitle, isLog: log.includes("y") },
    ),
    series: points.map(
      ({ name, ...values }, at): ChartSeries => ({
        ...values,
        ...(isNamed && { label: [name] }),
        colour: coloured[at],
        dashed: isNamed && /\boff\b/.test(name),
        draw,
      }),
    ),
  });
}

function columnPoints(table: Table, x: string, columns: readonly string[]): Points[] {
  const xs = table.numbers(x);
  return columns.map((column) => ({ name: titleOf(column), x: xs, y: table.numbers(column) }));
}

function groupPoints(table: Table, x: string, y: string, by: string): Points[] {
  if (!table.columns.some(({ name }) => name === by))
    throw new InputError(`tableChart: there is no column ${by} to tell series by`);
  const [xs, ys] = [table.numbers(x), table.numbers(y)];
  const rows = new Map<string, number[]>();
  table.rows.forEach((row, at) => {
    const name = String(row[by] ?? `no ${by}`);
    const group = rows.get(name);
    if (group) group.push(at);
    else rows.set(name, [at]);
  });
  return [...rows].map(([name, group]) => ({
    name,
    x: group.map((at) => xs[at]),
    y: group.map((at) => ys[at]),
  }));
}

function coloursOf(names: readonly string[]): ColourName[] {
  const own = names.map((name): ColourName | undefined =>
    /\bcaptured\b/.test(name) ? "captured" : /\bmodeled\b/.test(name) ? "modeled" : undefined,
  );
  const free = colourOrder.filter((colour) => !own.includes(colour));
  return own.map((colour) => colour ?? free.shift() ?? "muted");
}

const units = /_(ms|share|fraction)$/;

function titleOf(column: string): string {
  return column
    .replace(units, "")
    .replaceAll("_", " ")
    .replace(/([a-z\d])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
    .replace(/\b(ttft|itl)\b/g, (name) => name.toUpperCase());
}

function axisOf(
  columns: readonly string[],
  values: readonly number[],
  {
    title = columns.map(titleOf).join(", "),
    isLog,
  }: { readonly title: string | undefined; readonly isLog: boolean },
): AxisRequest {
  const suffix = units.exec(columns[0])?.[1];
  const unit: AxisUnit =
    suffix === "ms" ? "ms" : suffix ? "share" : values.every(Number.isInteger) ? "count" : "number";
  return { title, unit, scale: isLog ? "log" : "linear" };
}
