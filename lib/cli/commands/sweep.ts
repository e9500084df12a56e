import { join } from "node:path";
import { Command } from "commander";
import { InputError } from "../../base/index.js";
import { type SweepSeries, sweepChart, writeFigure } from "../../figure/index.js";
import {
  cellsFromJsonLines,
  gridCells,
  parseAxis,
  runSweep,
  type SweepCell,
  type SweepParameter,
  type SweepRow,
  sweepParameters,
} from "../../sweep/index.js";
import { readTextFile } from "../../trace/files/index.js";
import { importAssumptions, type Trace } from "../../trace/index.js";
import { parseCount } from "../engine-flags.js";
import { addLatencyFlags, type LatencyFlags, latencyFromFlags } from "../latency-source.js";
import { parseShard } from "../parse-shard.js";
import { formatTable, showMs, showPercent } from "../print-table.js";
import { progressBar, readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { printErr, printOut } from "../terminal.js";

interface SweepFlags extends LatencyFlags {
  readonly vary?: readonly string[];
  readonly cells?: string;
  readonly shard: { index: number; count: number };
  readonly workers?: number;
  readonly outDir: string;
  readonly json?: boolean;
}

/** What a finished sweep has written into its folder, beside the single cells. */
const outputs = ["sweep.json", "results.jsonl", "results.parquet", "sweep.html", "sweep.svg", "sweep.png"];

/** The `sweep` command: many what-ifs, in parallel, resumable, shardable. */
export function sweepCommand(): Command {
  const parameters = Object.entries(sweepParameters).map(([name, what]) => `  ${name.padEnd(30)} ${what}`);
  const command = new Command("sweep")
    .description("Replay a trace under many what-ifs, in parallel; every finished cell is on disk at once.")
    .argument("<trace>", "trace to replay")
    .option(
      "--vary <name=v1,v2,...>",
      "one axis of the grid (repeatable); seed=1..5 counts up",
      (v: string, b: string[] = []) => [...b, v],
    )
    .option("--cells <file>", "cells as JSON lines, instead of a grid")
    .option("--shard <i/n>", "run only every n-th cell, from the i-th (0/4 to 3/4)", parseShard, {
      index: 0,
      count: 1,
    })
    .option("--workers <n>", "worker threads (default: one a core)", parseCount)
    .option("--out-dir <dir>", "where cells and results go; a rerun continues there", "out/sweep")
    .option("--json", "print one JSON document");
  addLatencyFlags(command);
  return command
    .addHelpText(
      "after",
      `
Parameters to vary:
${parameters.join("\n")}

A row of several replicas tells what of the prompts was offered, routed, delivered and would be pooled (reuse_*).

Example, how much cache the captured workload needs:
  npx prefixlab sweep data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz \\
    --vary kv-cache-size=512,1024,2048,4096 --vary seed=1..3 --out-dir out/pool

How many engines, and how to route:
  npx prefixlab sweep data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz \\
    --vary replicas=2,4 --vary router=round-robin,sticky,prefix-affinity --out-dir out/fleet

On a cluster, run shards 0/n to n-1/n into one shared folder; the last one to end writes results.jsonl,
results.parquet and sweep.html/.svg/.png. The bytes do not depend on the sharding.
`,
    )
    .action(runSweepCommand);
}

async function runSweepCommand(tracePath: string, flags: SweepFlags): Promise<void> {
  const { latencyTrace = [], latencyModel, cells: cellsFile } = flags;
  const inputs = [tracePath, ...latencyTrace, latencyModel, cellsFile].filter((file) => file !== undefined);
  for (const name of outputs) refuseOverwrite(join(flags.outDir, name), inputs);
  const { axes, cells } = await sweepCells(flags);
  const trace = await readInput(tracePath);
  const model = await latencyFromFlags(flags);
  const bar = progressBar(`${cells.length} cells`);
  const result = await runSweep({
    tracePath,
    trace,
    model,
    cells,
    outDir: flags.outDir,
    shard: flags.shard,
    ...(flags.workers !== undefined && { workers: flags.workers }),
    onProgress: (done, total) => bar.update(done / total),
  }).finally(() => bar.stop());
  const summary = {
    cells: cells.length,
    ran: result.ran,
    found: result.found,
    missing: result.missing,
    damaged: result.damaged,
  };
  for (const file of result.damaged)
    printErr(`${join(flags.outDir, file)}: cannot be read, its cell is run again\n`);
  if (!result.rows) {
    if (flags.json) printOut(`${JSON.stringify(summary)}\n`);
    else printOut(`ran ${result.ran} cells, ${result.missing} are left to other shards\n`);
    return;
  }
  const chart = sweepFigure(result.rows, axes);
  if (chart) await writeFigure(chart, flags.outDir, "sweep");
  if (flags.json) printOut(`${JSON.stringify({ ...summary, rows: result.rows }, null, 1)}\n`);
  else {
    printOut(rowsTable(result.rows));
    for (const line of doubtLines(result.rows, trace)) printOut(`${line}\n`);
    printOut(
      `ran ${result.ran} cells, found ${result.found}; results.jsonl, results.parquet${chart ? ", sweep.html/.svg/.png" : ""} in ${flags.outDir}\n`,
    );
  }
}

async function sweepCells(flags: SweepFlags): Promise<{ axes: SweepParameter[]; cells: SweepCell[] }> {
  if ((flags.vary === undefined) === (flags.cells === undefined))
    throw new InputError("sweep: give either --vary name=v1,v2,... (repeatable) or --cells FILE");
  if (flags.cells !== undefined) {
    const cells = cellsFromJsonLines(await readTextFile(flags.cells));
    return { axes: [...new Set(cells.flatMap((cell) => Object.keys(cell)))] as SweepParameter[], cells };
  }
  const axes = (flags.vary ?? []).map(parseAxis);
  return { axes: axes.map(([name]) => name), cells: gridCells(axes) };
}

/** TTFT of later turns against the first numeric axis, one line a combination of the others, seeds averaged. */
function sweepFigure(rows: readonly SweepRow[], axes: readonly SweepParameter[]) {
  const x = axes.find((axis) => axis !== "seed" && rows.every((row) => typeof row[axis] === "number"));
  if (x === undefined) return undefined;
  const others = axes.filter((axis) => axis !== x && axis !== "seed");
  const lines = new Map<string, Map<number, number[]>>();
  for (const row of rows) {
    const result = row.turns2plus_ttft_ms_p50 ?? row.all_ttft_ms_p50;
    if (typeof result !== "number") continue;
    const label = others.map((axis) => `${axis} ${row[axis]}`).join(", ") || "TTFT p50";
    const line = lines.get(label) ?? new Map<number, number[]>();
    const value = row[x] as number;
    line.set(value, [...(line.get(value) ?? []), result]);
    lines.set(label, line);
  }
  if (lines.size === 0 || lines.size > 6) return undefined;
  const series = [...lines].map(
    ([label, line], k): SweepSeries => ({
      label,
      colour: k === 0 ? "modeled" : "captured",
      dashed: k > 0,
      points: [...line]
        .sort(([a], [b]) => a - b)
        .map(([value, results]) => ({
          value,
          result: results.reduce((a, b) => a + b, 0) / results.length,
          low: Math.min(...results),
          high: Math.max(...results),
        })),
    }),
  );
  return sweepChart({
    title: `TTFT of turns 2+ against ${x}`,
    subtitle: "median; band: range over seeds",
    parameter: {
      title: `${x} (${sweepParameters[x]})`,
      unit: "count",
      // Without CPU memory, without think gaps: 0 has no place on a log axis.
      scale: series.every(({ points }) => points.every(({ value }) => value > 0)) ? "log" : "linear",
    },
    result: { title: "TTFT p50, turns 2+", unit: "ms", scale: "log" },
    series,
  });
}

function rowsTable(rows: readonly SweepRow[]): string {
  const parameters = Object.keys(sweepParameters).filter((name) =>
    rows.some((row) => row[name] !== undefined),
  );
  const sides = ["offered", "routed", "delivered", "pooled"].filter((side) =>
    rows.some((row) => typeof row[`reuse_${side}`] === "number"),
  );
  const ms = (value: string | number | null | undefined): string =>
    showMs(typeof value === "number" ? value : undefined);
  const hasUnserved = rows.some((row) => unservedOf(row) > 0);
  return formatTable(
    [
      ...parameters,
      "requests",
      ...(hasUnserved ? ["unserved"] : []),
      "hit rate",
      ...sides,
      "busy",
      "TTFT p50",
      "p90",
      "p99",
      "turns 2+ p50",
      "ITL p50",
    ],
    rows.map((row) => [
      ...parameters.map((name) => String(row[name] ?? "")),
      String(row.requests),
      ...(hasUnserved ? [String(unservedOf(row))] : []),
      showPercent(Number(row.hit_fraction)),
      ...sides.map((side) =>
        typeof row[`reuse_${side}`] === "number" ? showPercent(Number(row[`reuse_${side}`])) : "-",
      ),
      `${(100 * Number(row.busy_fraction)).toFixed(0)} %`,
      ms(row.all_ttft_ms_p50),
      ms(row.all_ttft_ms_p90),
      ms(row.all_ttft_ms_p99),
      ms(row.turns2plus_ttft_ms_p50),
      ms(row.all_itl_ms_p50),
    ]),
  );
}

/** Requests of a cell whose answer is not whole: refused by a pool too small for them, given up, or never sent. */
function unservedOf({ requests, completed }: SweepRow): number {
  return Number(requests) - Number(completed);
}

/** What rests on an assumption, or is of a part of the requests alone: of answers, the most of any cell. */
function doubtLines(rows: readonly SweepRow[], trace: Trace): string[] {
  const most = (column: string) => Math.max(0, ...rows.map((row) => Number(row[column] ?? 0)));
  const requests = most("answer_reuse_requests");
  return [
    ...importAssumptions(trace.meta).map((words) => `assumed: ${words}`),
    ...(requests === 0
      ? []
      : [
          `assumed, but where answer-reuse is off: the next turn repeats the answer before it, where no hashes tell the answer: ${requests} requests find more by it, +${most("answer_reuse_points").toFixed(2)} points of all prompt tokens in a pool without bound`,
        ]),
    ...(rows.some((row) => unservedOf(row) > 0)
      ? [
          "unserved: refused by a pool too small for them, or never sent, and in no quantile; or given up by the client, whose wait TTFT quantiles count up to there (Kaplan-Meier; - where the curve does not get on)",
        ]
      : []),
  ];
}
