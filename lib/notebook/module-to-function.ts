import { SourceMap, type SourceMapPayload } from "node:module";
import type TypeScript from "typescript";

/** The compiler that tslab ships: TypeScript 5.0.4. */
export type TslabTypeScript = typeof TypeScript;

/** Translated code, with the way back to its lines. */
export interface CompiledText {
  /** The body of a function of `exports` and `require`; a cell's returns {@link CellScope}. */
  readonly code: string;
  /** The 1-based line of the source behind a 1-based place in the code. */
  readonly lineOf: (line: number, column: number) => number | undefined;
}

/** What a cell leaves behind. */
export interface CellScope {
  /** Names whose values stay as they are once the cell has run. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Names that functions of the cell read or write later: read and written where the cell keeps them. */
  readonly shared: Readonly<Record<string, { get(): unknown; set(value: unknown): void }>>;
  /** The value of the expression that the cell ends with. */
  readonly last?: unknown;
}

const compiled = new Map<string, CompiledText>();
const mapComment = /\n\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)\s*$/;

/**
 * Translates an ES module to the body of a function of `exports` and `require`. A cell's variables stay local while it runs,
 * so that a loop at its top is as fast as one in a function, and are handed over at its end. Elsewhere (a file that a cell
 * imports) the translation is the compiler's.
 * @param text a module with its source map in its last line
 * @returns a key for {@link takeCompiled}
 */
export function compileModule(
  ts: TslabTypeScript,
  text: string,
  options: TypeScript.CompilerOptions,
): string {
  const encoded = mapComment.exec(text)?.[1];
  const map = encoded === undefined ? undefined : readMap(Buffer.from(encoded, "base64").toString());
  const isCell = map?.sources.some((source) => source.endsWith("__tslab__.ts")) === true;
  const module = text.replace(mapComment, "\n");
  const { outputText, sourceMapText } = ts.transpileModule(isCell ? withScope(ts, module) : module, {
    fileName: "cell.js",
    compilerOptions: { ...options, sourceMap: true },
  });
  const toModule = new SourceMap(readMap(sourceMapText ?? "{}"));
  const toSource = map && new SourceMap(map);
  const key = `compiled ${compiled.size}`;
  const code = outputText.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "");
  const lineCount = code.split("\n").length;
  compiled.set(key, {
    code,
    lineOf(line, column) {
      if (line > lineCount) return undefined;
      const inModule = toModule.findEntry(line - 1, column - 1);
      if (!toSource || !("originalLine" in inModule)) return undefined;
      const inSource = toSource.findEntry(inModule.originalLine, inModule.originalColumn);
      // The first line of a cell is the compiler's second: before it stands one of tslab's.
      return "originalLine" in inSource ? inSource.originalLine + (isCell ? 0 : 1) : undefined;
    },
  });
  return key;
}

/** The translation behind a key of {@link compileModule}. */
export function takeCompiled(key: string): CompiledText {
  const found = compiled.get(key);
  if (!found) throw new Error(`takeCompiled: ${JSON.stringify(key)} was not compiled here`);
  compiled.delete(key);
  return found;
}

function readMap(json: string): SourceMapPayload {
  return JSON.parse(json) as SourceMapPayload;
}

/** The module with its exports taken out, lines left where they are, and a last line that hands its variables over. */
function withScope(ts: TslabTypeScript, module: string): string {
  const file = ts.createSourceFile("cell.js", module, ts.ScriptTarget.Latest, true);
  const names: string[] = [];
  const fixed = new Set<string>();
  let text = module;
  let last: string | undefined;
  const blank = (from: number, to: number) => {
    text = text.slice(0, from) + text.slice(from, to).replace(/[^\n]/g, " ") + text.slice(to);
  };
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement)) {
      if (statement.exportClause && ts.isNamedExports(statement.exportClause))
        names.push(...statement.exportClause.elements.map(({ name }) => name.text));
      blank(statement.getStart(), statement.end);
    } else if (ts.isImportDeclaration(statement))
      for (const name of declaredNames(ts, statement)) fixed.add(name);
    else if (ts.isVariableStatement(statement)) {
      const [modifier] = statement.modifiers ?? [];
      // The only thing that tslab exports where it stands is the value of the last expression.
      if (modifier) {
        blank(modifier.getStart(), modifier.end);
        [last] = declaredNames(ts, statement);
      }
      if (statement.declarationList.flags & ts.NodeFlags.Const)
        for (const name of declaredNames(ts, statement)) fixed.add(name);
    }
  }
  const captured = namesInFunctions(ts, file);
  const shared = names.filter((name) => captured.has(name) && !fixed.has(name));
  const values = names.filter((name) => !shared.includes(name));
  const accessors = shared.map((name) => `${name}: { get: () => ${name}, set: (v) => { ${name} = v; } }`);
  const parts = [
    `values: { ${values.map((name) => `${name}: ${name}`).join(", ")} }`,
    `shared: { ${accessors.join(", ")} }`,
  ];
  if (last !== undefined) parts.push(`last: ${last}`);
  return `${text}\nreturn { ${parts.join(", ")} };\n`;
}

/** The names that a statement declares. */
function declaredNames(ts: TslabTypeScript, statement: TypeScript.Node): string[] {
  const names: string[] = [];
  const visit = (node: TypeScript.Node): void => {
    const named =
      ts.isVariableDeclaration(node) ||
      ts.isBindingElement(node) ||
      ts.isImportSpecifier(node) ||
      ts.isImportClause(node) ||
      ts.isNamespaceImport(node);
    if (named && node.name && ts.isIdentifier(node.name)) names.push(node.name.text);
    if (!ts.isExpression(node) || ts.isIdentifier(node)) ts.forEachChild(node, visit);
  };
  visit(statement);
  return names;
}

/** Every name that stands in a function or a class: more than what they share with the code around them, never less. */
function namesInFunctions(ts: TslabTypeScript, file: TypeScript.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: TypeScript.Node, inside: boolean): void => {
    if (inside && ts.isIdentifier(node)) names.add(node.text);
    const within = inside || ts.isFunctionLike(node) || ts.isClassLike(node);
    ts.forEachChild(node, (child) => visit(child, within));
  };
  visit(file, false);
  return names;
}
