// What a loop at the top of a cell costs, beside the same loop in a function: over a variable of the cell, of an earlier cell, and
// of one that a function of the cell shares.
import { createCellExecutor } from "../../dist/notebook/cell-executor.js";
import { below, median, result } from "./yardstick.mjs";

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
  /** Seconds of a cell's code, without what compiling it takes. */
  const secondsOf = async (source) => {
    const timed = `const began = performance.now();\n${source}\n(performance.now() - began) / 1000`;
    const ran = await executor.execute(timed, ++count);
    if (!ran.ok) throw new Error(ran.error.traceback.join("\n"));
    return Number(ran.value.data["text/plain"]);
  };
  await secondsOf("let earlier = 0;");
  const results = [];
  let inFunction;
  for (const [where, source] of Object.entries(cells)) {
    const rounds = [];
    for (let round = 0; round < 5; round++) rounds.push(await secondsOf(source));
    const seconds = median(rounds);
    inFunction ??= seconds;
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
