import { createRequire } from "node:module";
import { join } from "node:path";
import type TypeScript from "typescript";
import type { CompileProblem } from "./cell-error.js";
import { describeOptions } from "./describe-options.js";
import { expandShorthand } from "./expand-shorthand.js";
import {
  type CompiledText,
  compileModule,
  type TslabTypeScript,
  takeCompiled,
} from "./module-to-function.js";

/** A cell as it can be run. */
export interface CompiledCode extends CompiledText {
  readonly hasAwait: boolean;
  /** The types of what was declared so far, this cell's declarations among them. */
  readonly declarations: string;
}

/** What compiling a cell came to: no code where it declares types alone. */
export interface Compilation {
  readonly cell: CompiledCode | undefined;
  /** What the cell imports from beside the notebook, and was not compiled before. */
  readonly files: readonly CompiledFile[];
}

/** A cell that does not compile. */
export class CompileFailure extends Error {
  constructor(readonly problems: readonly CompileProblem[]) {
    super("the cell does not compile");
  }
}

/** A TypeScript file beside the notebook, as a cell that imports it needs it. */
export interface CompiledFile extends CompiledText {
  readonly path: string;
}

/** tslab's converter: cells to functions, with the types of the cells before. */
export interface CellCompiler {
  /** @throws CompileFailure */
  compile(declarations: string, source: string): Compilation;
  complete(declarations: string, source: string, position: number): Completion;
  /** What a name is, with the fields of its options; undefined where there is no name. */
  inspect(declarations: string, source: string, position: number): string | undefined;
  /** Whether a prompt should run the text or go on reading, with the indentation to go on with. */
  isComplete(source: string): {
    readonly status: "complete" | "incomplete" | "invalid";
    readonly indent?: string;
  };
  close(): void;
}

/** Names that fit, and the range that one of them takes the place of. */
export interface Completion {
  readonly start: number;
  readonly end: number;
  readonly candidates: readonly string[];
}

/** tslab's converter, as far as it is used. */
interface TslabConverter {
  createConverter: typeof import("tslab/dist/converter.js").createConverter;
  isCompleteCode: typeof import("tslab/dist/converter.js").isCompleteCode;
}

/** Where a cell begins in the file that the compiler sees. */
const prefix = "export {};\n";

/**
 * A compiler for cells whose imports resolve from the process's folder. tslab's converter checks and translates a cell; how
 * the result keeps its variables and finds its lines again is `compileModule`'s.
 * @param cwd the process's folder, which tslab resolves from
 */
export function createCellCompiler(cwd: string): CellCompiler {
  const { converter, isCompleteCode, ts, program } = openConverter();
  const file = join(cwd, "__tslab__.ts");
  return {
    compile(declarations, source) {
      const { diagnostics, output, declOutput, hasToplevelAwait, sideOutputs } = converter.convert(
        declarations,
        expandShorthand(source),
      );
      if (diagnostics.length > 0)
        throw new CompileFailure(
          diagnostics.map(({ start, messageText, fileName }) => ({
            line: start.line + 1,
            column: start.character + 1,
            message: fileName === undefined ? messageText : `${fileName}: ${messageText}`,
          })),
        );
      const files = (sideOutputs ?? []).map(({ path, data }) => ({ path, ...takeCompiled(data) }));
      if (!output) return { cell: undefined, files };
      const cell = {
        ...takeCompiled(output),
        hasAwait: hasToplevelAwait === true,
        declarations: declOutput ?? "",
      };
      return { cell, files };
    },
    complete(declarations, source, position) {
      // Before its `from`, an import does not say which names it may take: the library's are likely.
      const open = /\bimport\s+(type\s+)?\{[^}'"]*$/.exec(source.slice(0, position));
      const rest = source.slice(position);
      const needsFrom = open !== null && !/^[^;{]*\bfrom\s*["']/.test(rest);
      const seen = needsFrom
        ? `${source.slice(0, position)} } from "prefixlab";${rest.replace(/^[^\n]*/, "")}`
        : source;
      const { start, end, candidates } = converter.complete(declarations, seen, position);
      // Of a text, the converter gives all words at the cursor: those that begin as what was typed take its place.
      const typed = start === end ? /["'`]([^"'`\n]+)$/.exec(source.slice(0, position))?.[1] : undefined;
      if (typed === undefined) return { start, end, candidates };
      const fitting = candidates.filter((word) => word.startsWith(typed));
      return { start: position - typed.length, end, candidates: fitting };
    },
    inspect(declarations, source, position) {
      const info = converter.inspect(declarations, source, position);
      if (!info) return undefined;
      const text = (parts?: readonly TypeScript.SymbolDisplayPart[]) =>
        ts.displayPartsToString(parts ? [...parts] : []);
      const options = describeOptions(ts, program(), file, position + prefix.length);
      const tags = (info.tags ?? []).map(({ name, text: parts }) => `@${name} ${text(parts)}`.trim());
      return [text(info.displayParts), ...options, text(info.documentation), tags.join("\n")]
        .filter((part) => part !== "")
        .map(withoutLinks)
        .join("\n\n");
    },
    isComplete(source) {
      const { completed, indent } = isCompleteCode(source);
      if (!completed) return { status: "incomplete", indent: indent ?? "" };
      const parsed = ts.createSourceFile(
        "cell.ts",
        source,
        ts.ScriptTarget.Latest,
        false,
      ) as TypeScript.SourceFile & {
        readonly parseDiagnostics: readonly unknown[];
      };
      return { status: parsed.parseDiagnostics.length > 0 ? "invalid" : "complete" };
    },
    close: () => converter.close(),
  };
}

/** `{@link name}` and `{@link name | text}` as a reader wants them. */
function withoutLinks(text: string): string {
  return text.replace(
    /\{@link(?:code|plain)?\s+([^}|\s]+)(?:\s*\|?\s*([^}]*))?\}/g,
    (_, name, label) => label || name,
  );
}

/**
 * tslab's converter over a compiler that is TypeScript's but for three things: it keeps where lines come from, it
 * translates modules by `compileModule`, and its program can be asked for. The converter reads the compiler when it is
 * loaded, so that a copy of its own is loaded here.
 */
function openConverter() {
  const require = createRequire(import.meta.url);
  const path = require.resolve("tslab/dist/converter.js");
  const compilerPath = createRequire(path).resolve("@tslab/typescript-for-tslab");
  const ts = require(compilerPath) as TslabTypeScript;
  const compiler = require.cache[compilerPath] as NodeJS.Module;
  const loaded = require.cache[path];
  let builder: TypeScript.BuilderProgram | undefined;
  const watchHost = ts.createWatchCompilerHost as (...args: unknown[]) => unknown;
  compiler.exports = {
    ...ts,
    createWatchCompilerHost: (files: unknown, options: object, ...rest: unknown[]) =>
      watchHost(files, { ...options, inlineSourceMap: true }, ...rest),
    createWatchProgram(
      host: TypeScript.WatchCompilerHostOfFilesAndCompilerOptions<TypeScript.BuilderProgram>,
    ) {
      const tell = host.afterProgramCreate;
      host.afterProgramCreate = (made) => {
        builder = made;
        tell?.call(host, made);
      };
      return ts.createWatchProgram(host);
    },
    transpileModule: (text: string, options: TypeScript.TranspileOptions) => ({
      outputText: compileModule(ts, text, options.compilerOptions ?? {}),
    }),
  };
  delete require.cache[path];
  try {
    const { createConverter, isCompleteCode } = require(path) as TslabConverter;
    const converter = createConverter({ isJS: false, isBrowser: false });
    return {
      converter,
      isCompleteCode,
      ts,
      program: () => (builder as TypeScript.BuilderProgram).getProgram(),
    };
  } finally {
    compiler.exports = ts;
    if (loaded) require.cache[path] = loaded;
    else delete require.cache[path];
  }
}
