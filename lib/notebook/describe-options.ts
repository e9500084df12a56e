import type TypeScript from "typescript";
import type { TslabTypeScript } from "./module-to-function.js";

/** Fields shown of one type: what a reader takes in without scrolling. */
const mostFields = 30;

/**
 * The fields of what a function takes as objects, or of a type itself: `name?: type  what it is`, a paragraph each. Types of
 * the language and of plain values are known by name and left out.
 * @param position offset in the file that the program has
 */
export function describeOptions(
  ts: TslabTypeScript,
  program: TypeScript.Program,
  fileName: string,
  position: number,
): string[] {
  const file = program.getSourceFile(fileName);
  const node = file && touchingName(ts, file, position);
  if (!node) return [];
  const checker = program.getTypeChecker();
  const found = checker.getSymbolAtLocation(node);
  const symbol = found && found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
  if (!symbol) return [];
  if (symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias))
    return fieldsOf(ts, checker, checker.getDeclaredTypeOfSymbol(symbol), symbol.name, node);
  const type = checker.getTypeOfSymbolAtLocation(symbol, node);
  const [signature] = [...type.getCallSignatures(), ...type.getConstructSignatures()];
  return (signature?.getParameters() ?? []).flatMap((parameter) => {
    const given = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(parameter, node));
    return fieldsOf(ts, checker, given, parameter.name, node);
  });
}

function fieldsOf(
  ts: TslabTypeScript,
  checker: TypeScript.TypeChecker,
  type: TypeScript.Type,
  title: string,
  at: TypeScript.Node,
): string[] {
  const isPlainObject =
    (type.flags & ts.TypeFlags.Object) !== 0 &&
    type.getCallSignatures().length === 0 &&
    type.symbol?.declarations?.some(
      (declaration) => !/[\\/]lib\.[\w.]+\.d\.ts$/.test(declaration.getSourceFile().fileName),
    );
  if (!isPlainObject) return [];
  const fields = type.getProperties().map((field) => {
    const optional = field.flags & ts.SymbolFlags.Optional ? "?" : "";
    const fieldType = checker.getTypeOfSymbolAtLocation(field, at);
    const shown = optional ? checker.getNonNullableType(fieldType) : fieldType;
    const [about] = ts.displayPartsToString(field.getDocumentationComment(checker)).split("\n");
    return `  ${field.name}${optional}: ${checker.typeToString(shown)}${about ? `  // ${about}` : ""}`;
  });
  if (fields.length === 0) return [];
  const more = fields.length > mostFields ? [`  ... and ${fields.length - mostFields} more`] : [];
  return [[`${title}:`, ...fields.slice(0, mostFields), ...more].join("\n")];
}

/** The name at a position, or right before it, as a cursor stands behind what was typed. */
function touchingName(
  ts: TslabTypeScript,
  file: TypeScript.SourceFile,
  position: number,
): TypeScript.Identifier | undefined {
  let found: TypeScript.Identifier | undefined;
  const visit = (node: TypeScript.Node): void => {
    if (position < node.getStart(file) || position > node.end) return;
    if (ts.isIdentifier(node)) found = node;
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
