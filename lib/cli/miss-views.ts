import { join } from "node:path";
import { InputError } from "../base/index.js";
import type { MissExplanation } from "../explain/index.js";
import { type Draw, missFigure, sessionStripText, writeFigure } from "../figure/index.js";
import { writeWhole } from "../output/index.js";
import type { Workload } from "../sessions/index.js";
import { refuseOverwrite } from "./refuse-overwrite.js";

/** Columns of a strip's bars at most: its rows have a turn before and a count behind them. */
const STRIP_COLUMNS = 100;
const BESIDE_STRIP = 18;

/** The session that a flag names: its number, or the name that the trace recorded. Undefined without a flag. */
export function sessionFromFlag(flag: string | undefined, { trace, sessions }: Workload): number | undefined {
  if (flag === undefined) return undefined;
  const named = trace.records.findIndex(({ session }) => session === flag);
  if (named >= 0) return sessions.session[named];
  const number = Number(flag);
  const count = sessions.session.reduce((most, one) => Math.max(most, one + 1), 0);
  if (flag.trim() !== "" && Number.isInteger(number) && number >= 0 && number < count) return number;
  throw new InputError(
    `--session ${flag}: no such session: expected a number from 0 to ${count - 1}, as prefixlab sessions prints them, or a name that the trace records`,
  );
}

/** Writes `explain.html`, `.svg`, `.png` and `.json` into a folder, and says what it wrote. */
export async function writeMissFigure(
  path: string,
  outDir: string,
  explained: MissExplanation,
  workload: Workload,
  options: {
    readonly kind: string;
    readonly session: number | undefined;
    readonly json: string;
    readonly draw: Draw | undefined;
  },
): Promise<string> {
  for (const extension of ["html", "svg", "png", "json"])
    refuseOverwrite(join(outDir, `explain.${extension}`), [path]);
  const { kind, session, json, draw } = options;
  const figure = missFigure(explained, workload, { kind, ...(session !== undefined && { session }) });
  const files = await writeFigure(figure, outDir, "explain", draw);
  const jsonFile = join(outDir, "explain.json");
  await writeWhole(jsonFile, json);
  return `wrote ${[...Object.values(files), jsonFile].join(", ")}`;
}

/** A session's prompts as lines for a terminal; empty where the session has nothing explained. */
export function stripLines(
  { requests }: MissExplanation,
  { sessions }: Workload,
  session: number | undefined,
): string[] {
  const columns = Math.max(
    16,
    Math.min(STRIP_COLUMNS, (process.stdout.columns ?? STRIP_COLUMNS) - BESIDE_STRIP),
  );
  return sessionStripText(requests, sessions, columns, session) ?? [];
}
