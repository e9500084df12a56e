import type { SingleBar } from "cli-progress";
import { type ReadTraceOptions, readTrace } from "../trace/files/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import { enterStage } from "./stage.js";
import { printErr } from "./terminal.js";

/** Reads a trace for a command: a progress bar where a person watches, and what was wrong with it on stderr. */
export async function readInput(
  path: string,
  options: {
    readonly strict?: boolean;
    readonly quiet?: boolean;
    readonly onRecord?: (record: TraceRecord, line: number) => void;
  } = {},
): Promise<Trace> {
  enterStage("read");
  const bar = progressBar(`reading ${path}`);
  const readOptions: ReadTraceOptions = {
    ...(options.strict && { strict: true }),
    ...(options.onRecord && { onRecord: options.onRecord }),
    onProgress: ({ bytesRead, totalBytes }) => bar.update(totalBytes ? bytesRead / totalBytes : 0),
  };
  try {
    const trace = await readTrace(path, readOptions);
    bar.stop();
    if (!options.quiet) reportProblems(path, trace);
    return trace;
  } finally {
    bar.stop();
    enterStage("work");
  }
}

/** Counts and first examples of what was rejected or doubtful, on stderr. */
export function reportProblems(path: string, trace: Trace): void {
  const { rejected, warnings } = trace;
  if (rejected.length > 0) {
    printErr(`${path}: ${rejected.length} rows rejected (--strict makes this fatal)\n`);
    for (const { line, reason } of rejected.slice(0, 3)) printErr(`  line ${line}: ${reason}\n`);
    if (rejected.length > 3) printErr(`  and ${rejected.length - 3} more\n`);
  }
  for (const { line, reason } of warnings.slice(0, 5))
    printErr(`${path}: ${line > 0 ? `line ${line}: ` : ""}${reason}\n`);
  if (warnings.length > 5) printErr(`${path}: and ${warnings.length - 5} more warnings\n`);
}

/** A progress bar on stderr that shows itself only where a person watches and the work is not over at once. */
export function progressBar(title: string): { update(fraction: number): void; stop(): void } {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const startedMs = performance.now();
  let bar: SingleBar | undefined;
  let state: "hidden" | "shown" | "stopped" = "hidden";
  const show = async () => {
    const { default: cliProgress } = await import("cli-progress");
    if (state === "stopped") return;
    bar = new cliProgress.SingleBar({
      format: `${title} [{bar}] {percentage} % | {eta_formatted} left`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
    });
    bar.start(1000, 0);
  };
  return {
    update(fraction) {
      if (state === "hidden" && performance.now() - startedMs >= 500) {
        state = "shown";
        void show();
      }
      bar?.update(Math.round(1000 * fraction));
    },
    stop() {
      state = "stopped";
      bar?.stop();
      bar = undefined;
    },
  };
}
