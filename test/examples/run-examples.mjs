/**
 * Runs example modules one after the other in one process, as in a notebook: `node run-examples.mjs FILES...`. Prints a
 * JSON document: for each file the values that it showed, and what it threw.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { showValue } from "./show-value.mjs";

const require = createRequire(import.meta.url);
require("tslab/dist/jupyter.js").lastWriteDisplayData = () => undefined;
const log = console.log;
console.log = () => undefined;
process.stdout.write = () => true;

const ran = [];
for (const file of process.argv.slice(2)) {
  const values = [];
  globalThis.shown = (at, value) => {
    values[at] = showValue(value);
  };
  const started = performance.now();
  const error = await import(pathToFileURL(file)).then(
    () => null,
    (thrown) => String(thrown?.stack ?? thrown),
  );
  ran.push({ file, values, error, wallMs: performance.now() - started });
}
delete process.stdout.write;
log(JSON.stringify(ran));
