import { relative } from "node:path";
import { locateLine } from "./locate-line.js";

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

/** What the converter made of a cell, to find lines again. */
export interface CompiledCell {
  readonly source: string;
  readonly compiled: string;
  /** The file name that stack frames of the cell carry. */
  readonly frameName: string;
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

/** The error of a cell that threw: its line, the code around it, and the frames above it, by paths from `cwd`. */
export function runtimeError(thrown: unknown, cell: CompiledCell, cwd: string): CellError {
  const isError =
    thrown instanceof Error || (typeof thrown === "object" && thrown !== null && "stack" in thrown);
  const error = isError ? (thrown as Error) : undefined;
  const name = error ? String(error.name) : "thrown";
  const message = error ? String(error.message) : textOf(thrown);
  const frames = String(error?.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line));
  const inCell = frames.findIndex((frame) => frame.includes(cell.frameName));
  const at = inCell < 0 ? undefined : new RegExp(`${cell.frameName}:(\\d+):\\d+`).exec(frames[inCell]);
  const line = at ? locateLine(cell.source, cell.compiled.split("\n")[Number(at[1]) - 1] ?? "") : undefined;
  const above = (inCell < 0 ? frames : frames.slice(0, inCell))
    .filter((frame) => !/node:internal|node_modules\/tslab/.test(frame))
    .map((frame) => tidyFrame(frame, cwd));
  return {
    name,
    message,
    ...(line === undefined ? {} : { line }),
    traceback: [
      `${name}: ${message}`,
      ...above,
      ...(line === undefined ? [] : [`    at line ${line} of the cell`, ...excerpt(cell.source, line)]),
      ...(error?.cause === undefined ? [] : [`  caused by ${textOf(error.cause)}`]),
    ],
  };
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
