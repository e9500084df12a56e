import { createRequire } from "node:module";
import type TypeScript from "typescript";

/**
 * Writes `{ a }` as `{ a: a }`. tslab rewrites names of earlier cells to where it keeps their values, but overlooks
 * them in shorthand properties: `{ a }` would fail with "a is not defined" in every cell but the one that declares it.
 * Lines stay where they are.
 */
export function expandShorthand(source: string): string {
  const ts = compiler();
  const names: { readonly end: number; readonly name: string }[] = [];
  const visit = (node: TypeScript.Node): void => {
    if (ts.isShorthandPropertyAssignment(node)) names.push({ end: node.name.end, name: node.name.text });
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest, false));
  let expanded = source;
  for (const { end, name } of names.sort((a, b) => b.end - a.end))
    expanded = `${expanded.slice(0, end)}: ${name}${expanded.slice(end)}`;
  return expanded;
}

/** The compiler that tslab ships. */
function compiler(): typeof TypeScript {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve("tslab/package.json"))(
    "@tslab/typescript-for-tslab",
  ) as typeof TypeScript;
}
