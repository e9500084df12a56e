import { relative } from "node:path";

/** Why a cell failed, in the terms of its notebook. */
export interface CellError {
  /** "InputError", "TypeError", ... or "TypeScript" for a cell that does not compile. */
  readonly name: string;
  readonly message: string;
  /** 1-based line in the cell, where known. */
  readonly line?: number;
  /** What a person reads, one line an entry. */
  readonly traceback: readonly string[];
}

/** The sources that stack frames lead to. Places are 1-based. */
export interface FrameSources {
  readonly cellSource: (cellNumber: number) => string | undefined;
  readonly cellLine: (cellNumber: number, line: number, column: number) => number | undefined;
  /** Of a translated file that a cell imported. */
  readonly fileLine: (path: string, line: number, column: number) => number | undefined;
}

/** A complaint of the compiler, 1-based. */
export interface CompileProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The error of a cell that does not compile. */
export function compileError(source: string, problems: readonly CompileProblem[]): CellError {
  const first = problems[0];
  return {
    name: "TypeScript",
    message: first?.message ?? "the cell does not compile",
    ...(first ? { line: first.line } : {}),
    traceback: problems.flatMap(({ line, column, message }) => [
      `${line}:${column} ${message}`,
      ...excerpt(source, line),
    ]),
  };
}

/** Frames shown of one error: a recursion without end has thousands. */
const mostFrames = 12;

/**
 * The error of a cell that threw: the frames down to the cell, by paths from `cwd` and lines of the sources, with the code around
 * the place in a cell where it was thrown, and around the place in the cell that failed.
 */
export function runtimeError(
  thrown: unknown,
  cellNumber: number,
  sources: FrameSources,
  cwd: string,
): CellError {
  const isError =
    thrown instanceof Error || (typeof thrown === "object" && thrown !== null && "stack" in thrown);
  const error = isError ? (thrown as Error) : undefined;
  const name = error ? String(error.name) : "thrown";
  const message = error ? String(error.message) : textOf(thrown);
  const frames = String(error?.stack ?? "")
    .split("\n")
    .filter((frame) => /^\s+at /.test(frame))
    .flatMap((frame) => readFrame(frame, sources, cwd) ?? []);
  const bottom = frames.findLastIndex((frame) => frame.cell === cellNumber);
  const line = frames.find((frame) => frame.cell === cellNumber)?.line;
  const above = (bottom < 0 ? frames : frames.slice(0, bottom + 1)).filter(
    ({ text }) => !/node:internal|node:vm/.test(text),
  );
  const explained = new Set<number>();
  const shown = above.slice(0, mostFrames).flatMap(({ text, cell, line: at }) => {
    const here = cell === cellNumber && at !== undefined ? `    at line ${at} of the cell` : text;
    const isNew = cell !== undefined && at !== undefined && !explained.has(cell);
    // The innermost place in a cell, and the one in the cell that failed.
    if (!isNew || (explained.size > 0 && cell !== cellNumber)) return [here];
    explained.add(cell);
    return [here, ...excerpt(sources.cellSource(cell) ?? "", at)];
  });
  return {
    name,
    message,
    ...(line === undefined ? {} : { line }),
    traceback: [
      name === "" ? message : `${name}: ${message}`,
      ...shown,
      ...(error?.cause === undefined ? [] : [`  caused by ${textOf(error.cause)}`]),
    ],
  };
}

/** A frame of a stack, as it is shown, and the place in a cell that it leads to. */
interface Frame {
  readonly text: string;
  readonly cell?: number;
  readonly line?: number;
}

/** Undefined for the call of a cell, which stands in none of its lines. */
function readFrame(frame: string, sources: FrameSources, cwd: string): Frame | undefined {
  const inCell = /\bcell-(\d+)\.ts:(\d+):(\d+)/.exec(frame);
  if (inCell) {
    const [place, ...numbers] = inCell;
    const [cell, compiledLine, column] = numbers.map(Number);
    const line = sources.cellLine(cell, compiledLine, column);
    // Functions of earlier cells are called as methods of the object that holds them.
    const text = frame.replace(place, `cell ${cell}, line ${line}`).replace("at Object.", "at ");
    return line === undefined ? undefined : { text, cell, line };
  }
  const text = frame.replace(
    /(\/[^\s():]+\.[cm]?js):(\d+):(\d+)/,
    (place, path: string, at: string, column: string) => {
      const line = sources.fileLine(path, Number(at), Number(column));
      return line === undefined ? place : `${path.replace(/js$/, "ts")}:${line}`;
    },
  );
  return { text: tidyFrame(text, cwd) };
}

/** What was thrown, as text; an object may refuse to be one. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

/** The lines around one, the one marked. */
function excerpt(source: string, line: number): string[] {
  const all = source.split("\n");
  return all
    .map((text, index) => `${index + 1 === line ? "---->" : "     "} ${index + 1}  ${text}`)
    .slice(Math.max(0, line - 3), line + 2);
}

function tidyFrame(frame: string, cwd: string): string {
  return frame.replace(/(file:\/\/)?(\/[^\s():]+)/g, (_, __, path: string) => relative(cwd, path) || path);
}
