import { createRequire } from "node:module";
import { InputError } from "../base/index.js";

/**
 * Sees to it that optional peers of the package are installed: only notebooks need them.
 * @throws InputError with the command that installs what is missing
 */
export function requirePackages(caller: string, names: readonly string[]): void {
  const require = createRequire(import.meta.url);
  const missing = names.filter((name) => {
    try {
      require.resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  const { peerDependencies } = require("../../package.json") as { peerDependencies: Record<string, string> };
  const wanted = missing.map((name) => `${name}@${peerDependencies[name]}`).join(" ");
  throw new InputError(`${caller}: notebooks need ${missing.join(" and ")}: run npm install ${wanted}`);
}
