import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import vm from "node:vm";
import type { CompiledFile } from "./cell-compiler.js";
import type { CompiledText } from "./module-to-function.js";

/** What cells import: packages, and TypeScript files beside the notebook. */
export class CellFiles {
  #compiled = new Map<string, CompiledText>();
  #loaded = new Map<string, { exports: unknown }>();

  /** Takes files as they are now; one that was loaded before is loaded anew. */
  add(files: readonly CompiledFile[]): void {
    for (const { path, ...text } of files) {
      this.#compiled.set(path, text);
      this.#loaded.delete(path);
    }
  }

  /** The `require` of code in a folder. */
  requireFrom(folder: string): (name: string) => unknown {
    const require = createRequire(join(folder, "cell.js"));
    return (name) => {
      // A notebook far from this installation has no tslab of its own.
      if (name === "tslab") return createRequire(import.meta.url)(name);
      const path = /^[./]/.test(name) ? join(folder, extname(name) === "" ? `${name}.js` : name) : name;
      return this.#compiled.has(path) ? this.#load(path) : require(name);
    };
  }

  /** The line of a file's source behind a place in its translation. */
  lineOf(path: string, line: number, column: number): number | undefined {
    return this.#compiled.get(path)?.lineOf(line, column);
  }

  #load(path: string): unknown {
    const loaded = this.#loaded.get(path);
    if (loaded) return loaded.exports;
    const module = { exports: {} as unknown };
    this.#loaded.set(path, module);
    const code = this.#compiled.get(path)?.code ?? "";
    const names = ["exports", "require", "module", "__filename", "__dirname"];
    const folder = dirname(path);
    vm.compileFunction(code, names, { filename: path }).call(
      module.exports,
      module.exports,
      this.requireFrom(folder),
      module,
      path,
      folder,
    );
    return module.exports;
  }
}
