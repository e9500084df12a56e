import { createRequire } from "node:module";
import {
  type CellError,
  type CompiledCell,
  type CompileProblem,
  compileError,
  runtimeError,
} from "./cell-error.js";
import { expandShorthand } from "./expand-shorthand.js";

/** What came of a cell. */
export type CellResult = { readonly ok: true } | { readonly ok: false; readonly error: CellError };

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
  complete(source: string, position: number): { start: number; end: number; candidates: readonly string[] };
  /** Whether a prompt should run the text or go on reading, with the indentation to go on with. */
  isComplete(source: string): { completed: boolean; indent?: string };
  close(): void;
}

/** A MIME bundle on its way out of a cell. */
export interface DisplayBundle {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The parts of tslab that are used: its converter, its executor and the hook behind its display functions. */
interface Tslab {
  createConverter: typeof import("tslab/dist/converter.js").createConverter;
  isCompleteCode: typeof import("tslab/dist/converter.js").isCompleteCode;
  createExecutor: typeof import("tslab/dist/executor.js").createExecutor;
  printQuickInfo: typeof import("tslab/dist/inspect.js").printQuickInfo;
  jupyter: { lastWriteDisplayData: ((bundle: DisplayBundle, update?: boolean) => void) | null };
}

function loadTslab(): Tslab {
  const require = createRequire(import.meta.url);
  return {
    ...(require("tslab/dist/converter.js") as Pick<Tslab, "createConverter" | "isCompleteCode">),
    ...(require("tslab/dist/executor.js") as Pick<Tslab, "createExecutor">),
    ...(require("tslab/dist/inspect.js") as Pick<Tslab, "printQuickInfo">),
    jupyter: require("tslab/dist/jupyter.js") as Tslab["jupyter"],
  };
}

/** tslab prints a compiler's complaint through console.error with this format. */
const complaintFormat = "%s%d:%d - %s";

/**
 * An executor over tslab's own converter and executor, for cells whose imports resolve from `cwd`. What tslab would
 * print to say that a cell failed is returned as an error with the line in the cell.
 * @param onDisplay receives what cells display
 */
export function createCellExecutor(
  cwd: string,
  onDisplay: (bundle: DisplayBundle, update: boolean) => void,
): CellExecutor {
  const tslab = loadTslab();
  tslab.jupyter.lastWriteDisplayData = (bundle, update) => onDisplay(bundle, update === true);
  const converter = tslab.createConverter({ isJS: false, isBrowser: false });
  let compiled = "";
  let frameName = "cell";
  let problems: CompileProblem[] = [];
  const cells = new Map<string, CompiledCell>();
  let thrown: { readonly value: unknown } | undefined;
  const node = {
    ...converter,
    convert(prevDecl: string, source: string) {
      const result = converter.convert(prevDecl, source);
      compiled = result.output ?? "";
      // Frames of the cell carry its name instead of the virtual machine's.
      if (result.output) result.output = `${result.output}\n//# sourceURL=${frameName}`;
      return result;
    },
  };
  const executor = tslab.createExecutor(
    cwd,
    { node, browser: node, close: () => converter.close() },
    {
      log: (...values: unknown[]) => console.log(...values),
      error(...values: unknown[]) {
        if (values[0] === complaintFormat && values.length === 5) {
          const [, , line, column, message] = values as [string, string, number, number, string];
          problems.push({ line, column, message });
        } else thrown = { value: values[0] };
      },
    },
  );
  return {
    async execute(source, cellNumber) {
      frameName = `cell-${cellNumber}.ts`;
      problems = [];
      thrown = undefined;
      // Showing the cell's value may fail as well, and is the cell's doing.
      const ran = await executor.execute(expandShorthand(source)).catch((error: unknown) => {
        thrown = { value: error };
        return false;
      });
      const cell = { source, compiled, frameName };
      cells.set(frameName, cell);
      if (ran) return { ok: true };
      if (problems.length > 0) return { ok: false, error: compileError(source, problems) };
      return { ok: false, error: runtimeError((thrown as { value: unknown } | undefined)?.value, cell, cwd) };
    },
    strayError(value) {
      const from = /cell-\d+\.ts/.exec((value as Error | undefined)?.stack ?? "")?.[0];
      const cell = cells.get(from ?? frameName) ?? { source: "", compiled, frameName };
      const { line, ...error } = runtimeError(value, cell, cwd);
      const where = cell.frameName === frameName ? "" : ` in ${cell.frameName.replace(/-(\d+)\.ts/, " $1")}`;
      return {
        ...error,
        ...(line !== undefined && where === "" && { line }),
        message: `${error.message} (nobody awaited it${where})`,
        traceback: [...error.traceback, `  nobody awaited it${where}: add await, or catch it`],
      };
    },
    interrupt: () => executor.interrupt(),
    inspect(source, position) {
      const info = executor.inspect(source, position);
      return info ? tslab.printQuickInfo(info) : undefined;
    },
    complete: (source, position) => executor.complete(source, position),
    isComplete: (source) => tslab.isCompleteCode(source),
    close: () => executor.close(),
  };
}
