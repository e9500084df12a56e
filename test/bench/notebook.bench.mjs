// What a loop at the top of a cell costs, beside the same loop in a function: over a variable of the cell, of an earlier cell, and
// of one that a function of the cell shares.
import { createCellExecutor } from "../../dist/notebook/cell-executor.js";
import { below, medianSecondsAsync, result } from "./yardstick.mjs";

const loop = (name) => `for (let i = 0; i < 1e7; i++) ${name} += i * 0.5;`;

const cells = {
  "in a function": `(() => { let sum = 0; ${loop("sum")} return sum; })();`,
  "at the top of a cell": `let top = 0; ${loop("top")}`,
  "at the top, behind an await": `await null; let late = 0; ${loop("late")}`,
  "over a variable of an earlier cell": loop("earlier"),
  "over one that a function shares": `let shared = 0; const read = () => shared; ${loop("shared")}`,
};

export async function bench() {
  const executor = createCellExecutor(process.cwd(), () => undefined);
  let count = 0;
  const run = async (source) => {
    const ran = await executor.execute(source, ++count);
    if (!ran.ok) throw new Error(ran.error.traceback.join("\n"));
  };
  await run("let earlier = 0;");
  const compiling = await medianSecondsAsync(() => run("let nothing = 0;"));
  const results = [];
  let inFunction = 0;
  for (const [where, source] of Object.entries(cells)) {
    const seconds = Math.max(1e-3, (await medianSecondsAsync(() => run(source))) - compiling);
    inFunction ||= seconds;
    results.push(
      result({
        name: `1e7 additions ${where}`,
        value: seconds / inFunction,
        unit: "x in a function",
        aim: below(20),
        seconds,
      }),
    );
  }
  executor.close();
  return results;
}
