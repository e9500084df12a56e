import { createRequire } from "node:module";
import { join } from "node:path";
import type TypeScript from "typescript";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
/** The compiler that notebooks are compiled with: TypeScript 5.0.4, as tslab ships it. */
const ts = createRequire(join(root, "node_modules", "tslab", "package.json"))(
  "@tslab/typescript-for-tslab",
) as typeof TypeScript;

describe("the package's declarations", () => {
  it("compile strictly under the TypeScript of the notebooks, so that cells keep their types", () => {
    expect(ts.version).toBe("5.0.4");
    const program = ts.createProgram([join(root, "dist", "index.d.ts")], {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: 2 as TypeScript.ModuleResolutionKind, // Node10, which tslab resolves with
      lib: ["lib.es2022.d.ts"],
      types: ["node"],
      typeRoots: [join(root, "node_modules", "@types")],
      esModuleInterop: true,
    });
    const own = ts
      .getPreEmitDiagnostics(program)
      .filter(({ file }) => file === undefined || file.fileName.startsWith(join(root, "dist")))
      .map(({ file, start, messageText }) => {
        const line = file ? file.getLineAndCharacterOfPosition(start ?? 0).line + 1 : 0;
        return `${file?.fileName ?? ""}:${line} ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
      });
    expect(own).toEqual([]);
  });
});
