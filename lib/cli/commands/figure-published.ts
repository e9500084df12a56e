import { join } from "node:path";
import { publishedArrivalSeeds, publishedArrivals } from "../../captures/index.js";
import {
  DrawingThread,
  formatCount,
  formatMs,
  type PlotlyFigure,
  timeLimitFigure,
  writeFigure,
} from "../../figure/index.js";
import { h200ColdCurve, publishedFigure, publishedScenario } from "../../judge/index.js";
import { writeWhole } from "../../output/index.js";
import { type PublishedRuns, publishedJson, publishedReport } from "../published-report.js";
import { printOut } from "../terminal.js";

/** What `figure --published` takes from the command's flags. */
export interface FigurePublishedFlags {
  readonly outDir: string;
  readonly arrivalSeed?: number;
  readonly json?: boolean;
}

/** `figure --published`: the published figure under its own conditions, and what censoring makes of it. */
export async function figurePublishedCommand(flags: FigurePublishedFlags): Promise<void> {
  const { outDir, arrivalSeed = 0 } = flags;
  const thread = new DrawingThread();
  const arrivalsMs = await publishedArrivals(arrivalSeed);
  const bySeed = [];
  for (const seed of await publishedArrivalSeeds())
    bySeed.push({ seed, cold: publishedScenario({ arrivalsMs: await publishedArrivals(seed) }).cold });
  const runs: PublishedRuns = {
    arrivalSeed,
    ...publishedScenario({ arrivalsMs }),
    unlimited: publishedScenario({ arrivalsMs, requestTimeoutMs: Number.POSITIVE_INFINITY }).cold,
    bySeed,
  };
  const files = await writeFigure(figureOf(runs), outDir, "published", thread.draw);
  const jsonFile = join(outDir, "published.json");
  const text = `${JSON.stringify(publishedJson(runs), null, 2)}\n`;
  await writeWhole(jsonFile, text);
  printOut(
    flags.json ? text : `${publishedReport(runs)}\nwrote ${[...Object.values(files), jsonFile].join(", ")}\n`,
  );
}

/** A quantile of the card's curve. */
function at(wanted: number): string {
  const found = h200ColdCurve.ttftMs.find(([p]) => p === wanted);
  return found ? formatMs(found[1]) : "-";
}

function figureOf({ warm, cold, arrivalSeed }: PublishedRuns): PlotlyFigure {
  const { requestTimeoutMs = Number.POSITIVE_INFINITY } = cold.conditions;
  const { turn1, turns2plus } = publishedFigure;
  return timeLimitFigure({
    on: warm,
    off: cold,
    requestTimeoutMs,
    beside: {
      text: `a real H200, captured, cache off, first and later turns: median ${at(0.5)}, p99 ${at(0.99)}, n = ${h200ColdCurve.requests}; another load (${h200ColdCurve.sessionsPerSecond} sessions/s, budget ${formatCount(h200ColdCurve.maxNumBatchedTokens)} tokens): not compared`,
      points: h200ColdCurve.ttftMs.map(([p, ms]) => [ms, 1 - p]),
    },
    notes: {
      turn1: `published: longest ${formatMs(turn1.maxMs)}, n = ${turn1.completed}`,
      turns2plus: `published: median ${formatMs(turns2plus.p50Ms)}, p99 ${formatMs(turns2plus.p99Ms)}, n = ${turns2plus.completed}`,
    },
    title: "A published cache effect under its own conditions: what a client's time limit leaves of it",
    subtitle: `modeled with that figure's step price (no card's); 1 session/s, arrivals of seed ${arrivalSeed}; a client gives up after ${requestTimeoutMs / 1000} s, then sends the next turn; bands are pointwise 95 %`,
  });
}
