import { join, relative } from "node:path";
import ts from "typescript";
import { fromRoot } from "../cli/run-cli.js";

/** A value that the package exports, with the examples in its doc comment. */
export interface ExportedValue {
  readonly name: string;
  /** Where it is declared: path from the root and line. */
  readonly where: string;
  /** The entries of the package that export it: "", "/survival", ... */
  readonly entries: readonly string[];
  readonly examples: readonly string[];
}

const options: ts.CompilerOptions = {
  ...ts.parseJsonConfigFileContent(
    ts.readConfigFile(fromRoot("tsconfig.json"), ts.sys.readFile).config,
    ts.sys,
    fromRoot(),
  ).options,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  rootDir: fromRoot(),
  noEmit: true,
  incremental: false,
  noUnusedLocals: false,
  paths: { prefixlab: [fromRoot("lib", "index.ts")], "prefixlab/*": [fromRoot("lib", "*", "index.ts")] },
};
delete options.tsBuildInfoFile;

const host = ts.createCompilerHost(options, true);
const parsed = new Map<string, ts.SourceFile | undefined>();
const parse = host.getSourceFile.bind(host);
host.getSourceFile = (file, target) => {
  if (!parsed.has(file)) parsed.set(file, parse(file, target));
  return parsed.get(file);
};

const indexOf = (entry: string) => fromRoot("lib", `.${entry}`, "index.ts");

/** The functions, classes and constants that entries of the package export ("", "/survival", ...), each once. */
export function exportedValues(entries: readonly string[]): readonly ExportedValue[] {
  const program = ts.createProgram(entries.map(indexOf), options, host);
  const checker = program.getTypeChecker();
  const values = new Map<ts.Symbol, ExportedValue>();
  for (const entry of entries) {
    const file = program.getSourceFile(indexOf(entry));
    const module = file && checker.getSymbolAtLocation(file);
    if (!module) throw new Error(`lib${entry}/index.ts exports nothing`);
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const [declaration] = symbol.declarations ?? [];
      if (!(symbol.flags & ts.SymbolFlags.Value) || !declaration) continue;
      const known = values.get(symbol);
      if (known) {
        values.set(symbol, { ...known, entries: [...known.entries, entry] });
        continue;
      }
      const source = declaration.getSourceFile();
      const line = source.getLineAndCharacterOfPosition(declaration.getStart(source)).line + 1;
      values.set(symbol, {
        name: exported.name,
        entries: [entry],
        where: `${relative(fromRoot(), source.fileName)}:${line}`,
        examples: symbol
          .getJsDocTags(checker)
          .filter(({ name }) => name === "example")
          .map(({ text }) => /```ts\n([\s\S]*?)```/.exec(ts.displayPartsToString(text))?.[1] ?? ""),
      });
    }
  }
  return [...values.values()];
}

/** What the compiler has against some modules, all checked together as files beside package.json. */
export function typeProblems(modules: ReadonlyMap<string, string>): readonly string[] {
  const texts = new Map([...modules].map(([name, text]) => [fromRoot(`${name}.ts`), text]));
  const virtual: ts.CompilerHost = {
    ...host,
    fileExists: (file) => texts.has(file) || host.fileExists(file),
    readFile: (file) => texts.get(file) ?? host.readFile(file),
    getSourceFile: (file, target) => {
      const text = texts.get(file);
      return text === undefined ? host.getSourceFile(file, target) : ts.createSourceFile(file, text, target);
    },
  };
  const program = ts.createProgram([...texts.keys()], options, virtual);
  return [...texts.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start, messageText }) => {
        const line = source?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0;
        const text = texts.get(path)?.split("\n")[line]?.trim();
        return `${relative(fromRoot(), path)}: ${text}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
      },
    );
  });
}

/** One value that an example says it gives. */
export interface ShownValue {
  readonly source: string;
  readonly promised: string;
}

/**
 * An example as a module that hands the values of its expressions that have one, `expression; // → value` (or the comment
 * below it), to `shown(at, value)`, a function on the global object.
 */
export function runnableExample(example: string): {
  readonly code: string;
  readonly shown: readonly ShownValue[];
} {
  const source = ts.createSourceFile("example.ts", example, ts.ScriptTarget.Latest, true);
  const shown: ShownValue[] = [];
  let rewritten = "";
  let from = 0;
  for (const statement of source.statements) {
    const promised = /^[ \n]\/\/ → (.*)/.exec(example.slice(statement.end))?.[1];
    if (promised === undefined) continue;
    if (!ts.isExpressionStatement(statement))
      throw new Error(`only an expression has a value: ${statement.getText(source)}`);
    const { expression } = statement;
    rewritten += `${example.slice(from, statement.getStart(source))}shown(${shown.length}, ${expression.getText(source)});`;
    from = statement.end;
    shown.push({ source: statement.getText(source), promised });
  }
  const { outputText } = ts.transpileModule(rewritten + example.slice(from), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return { code: outputText, shown };
}

/** The path of a file that stands for an example while it runs. */
export function examplePath(folder: string, name: string): string {
  return join(folder, `${name}.mjs`);
}
