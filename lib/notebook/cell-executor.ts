import { createRequire } from "node:module";
import vm from "node:vm";
import type { MimeBundle } from "../figure/index.js";
import { type CellCompiler, CompileFailure, type Completion, createCellCompiler } from "./cell-compiler.js";
import { type CellError, compileError, type FrameSources, runtimeError } from "./cell-error.js";
import { CellFiles } from "./cell-files.js";
import type { CellScope, CompiledText } from "./module-to-function.js";

/** What came of a cell: the value of the expression that it ends with, where there is one. */
export type CellResult =
  | { readonly ok: true; readonly value?: MimeBundle }
  | { readonly ok: false; readonly error: CellError };

/** Runs cells one after the other in one scope, as a kernel does. */
export interface CellExecutor {
  /** Compiles and runs a cell in this process. */
  execute(source: string, cellNumber: number): Promise<CellResult>;
  /**
   * The error of what a cell set going and nobody awaited: a promise that was rejected, or a callback that threw. It names
   * the cell that its frames lead to, where that is not the last one that ran.
   */
  strayError(thrown: unknown): CellError;
  /** Stops a cell that awaits. */
  interrupt(): void;
  inspect(source: string, position: number): string | undefined;
  complete(source: string, position: number): Completion;
  isComplete: CellCompiler["isComplete"];
  close(): void;
}

/** The hook behind tslab's display functions, which the package's `display` uses as well. */
interface TslabDisplays {
  lastWriteDisplayData: ((bundle: MimeBundle, update?: boolean) => void) | null;
}

/** What a cell leaves behind, with the types of all that was declared so far. */
interface LeftByCell extends CellScope {
  readonly declarations: string;
}

/** A cell that was run. */
interface RunCell {
  readonly source: string;
  readonly lineOf: CompiledText["lineOf"];
}

/** What the code of a cell is called with: it must be called through the virtual machine for an interrupt to stop its loops. */
interface CellGlobals {
  readonly scope: Record<string, unknown>;
  readonly require: (name: string) => unknown;
}

const globalsName = "prefixlab.cell";
const globalsKey = Symbol.for(globalsName);

/**
 * An executor over tslab's converter, for cells whose imports resolve from `cwd`. A cell is a function whose variables are
 * local while it runs and become properties of one plain object at its end, where later cells find them.
 * @param onDisplay receives what cells display
 */
export function createCellExecutor(
  cwd: string,
  onDisplay: (bundle: MimeBundle, update: boolean) => void,
): CellExecutor {
  const require = createRequire(import.meta.url);
  const displays = require("tslab/dist/jupyter.js") as TslabDisplays;
  displays.lastWriteDisplayData = (bundle, update) => onDisplay(bundle, update === true);
  // Required, as cells require the package: a module that is on its way through import() cannot be.
  const { valueBundle } = require("prefixlab/figure") as typeof import("../figure/index.js");
  const compiler = createCellCompiler(cwd);
  const files = new CellFiles();
  const scope: Record<string, unknown> = {};
  const cells = new Map<number, RunCell>();
  let declarations = "";
  let current = 0;
  let stop = (): void => undefined;
  const sources: FrameSources = {
    cellSource: (number) => cells.get(number)?.source,
    cellLine: (number, line, column) => cells.get(number)?.lineOf(line, column),
    fileLine: (path, line, column) => files.lineOf(path, line, column),
  };
  const held: CellGlobals = { scope, require: files.requireFrom(cwd) };
  Object.defineProperty(globalThis, globalsKey, { value: held, configurable: true });

  /** Compiles and runs a cell; undefined where it declares types alone. */
  async function run(source: string, cellNumber: number): Promise<LeftByCell | undefined> {
    const { cell, files: imported } = compiler.compile(declarations, source);
    files.add(imported);
    if (!cell) return undefined;
    cells.set(cellNumber, { source, lineOf: cell.lineOf });
    const globals = `globalThis[Symbol.for(${JSON.stringify(globalsName)})]`;
    const left = vm.runInThisContext(
      `(${cell.hasAwait ? "async function" : "function"} (exports, require) {\n${cell.code}\n})(${globals}.scope, ${globals}.require)`,
      { filename: `cell-${cellNumber}.ts`, lineOffset: -1, breakOnSigint: true },
    );
    return { ...((await left) as CellScope), declarations: cell.declarations };
  }

  /** Puts what a cell leaves where later cells find it. */
  function keep({ values, shared, declarations: declared }: LeftByCell): void {
    for (const [key, value] of Object.entries(values))
      Object.defineProperty(scope, key, { value, writable: true, configurable: true, enumerable: true });
    for (const [key, accessor] of Object.entries(shared))
      Object.defineProperty(scope, key, { ...accessor, configurable: true, enumerable: true });
    declarations = declared;
  }

  function errorOf(thrown: unknown, source: string, cellNumber: number): CellError {
    if (thrown instanceof CompileFailure) return compileError(source, thrown.problems);
    const isInterrupt = (thrown as { code?: unknown } | null)?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED";
    return runtimeError(isInterrupt ? interruption() : thrown, cellNumber, sources, cwd);
  }

  return {
    async execute(source, cellNumber) {
      current = cellNumber;
      const interrupted = new Promise<never>((_, reject) => {
        stop = () => reject(interruption());
      });
      try {
        // An interrupt may end the cell's JavaScript without a word: its run is then never heard of again. Node goes on from the
        // end of a timer's callback, but not from that of a socket's, behind which a request comes.
        const turn = new Promise((resolve) => setTimeout(resolve, 0));
        const left = await Promise.race([turn.then(() => run(source, cellNumber)), interrupted]);
        if (!left) return { ok: true };
        keep(left);
        // Showing the value may fail as well, and is the cell's doing.
        const { last } = left;
        return {
          ok: true,
          ...(last !== undefined && last !== null && { value: await valueBundle(last) }),
        };
      } catch (thrown) {
        return { ok: false, error: errorOf(thrown, source, cellNumber) };
      } finally {
        stop = () => undefined;
      }
    },
    strayError(value) {
      const from = Number(
        /\bcell-(\d+)\.ts:/.exec((value as Error | undefined)?.stack ?? "")?.[1] ?? current,
      );
      const { line, ...error } = runtimeError(value, from, sources, cwd);
      const where = from === current ? "" : ` in cell ${from}`;
      return {
        ...error,
        ...(line !== undefined && where === "" && { line }),
        message: `${error.message} (nobody awaited it${where})`,
        traceback: [...error.traceback, `  nobody awaited it${where}: add await, or catch it`],
      };
    },
    interrupt: () => stop(),
    inspect: (source, position) => compiler.inspect(declarations, source, position),
    complete: (source, position) => compiler.complete(declarations, source, position),
    isComplete: (source) => compiler.isComplete(source),
    close: () => compiler.close(),
  };
}

/** What a cell is ended with when its front end interrupts it: it has no frames of its own. */
function interruption(): Error {
  const error = new Error("the cell was interrupted: what it declared is lost, what it did stays done");
  error.name = "Interrupted";
  error.stack = "";
  return error;
}
