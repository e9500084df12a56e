// Compares two runs of the bench, case by case: by the ratio to the yardstick where there is one, else by the value.
import { readFileSync } from "node:fs";
import { formatRows, number } from "./table.mjs";

const [before, after] = process.argv.slice(2);
if (after === undefined) {
  process.stderr.write("usage: node test/bench/compare.mjs A.json B.json\n");
  process.exit(2);
}

const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const [a, b] = [read(before), read(after)];
const old = new Map(a.results.map((result) => [result.case, result]));
const rows = b.results.flatMap((now) => {
  const was = old.get(now.case);
  if (!was || was.skipped || now.skipped) return [];
  const timed = now.ratio !== undefined && was.ratio !== undefined;
  const change = timed ? now.ratio / was.ratio : now.value / was.value;
  return [
    [
      now.case,
      `${number(was.value)} ${was.unit}`,
      `${number(now.value)} ${now.unit}`,
      timed ? `${number(was.ratio)} -> ${number(now.ratio)} x ${now.yardstick}` : "",
      timed ? `${number(1 / change)}x as fast` : `${number(change)}x the value`,
    ],
  ];
});
for (const [name, run] of [
  [before, a],
  [after, b],
])
  process.stdout.write(
    `${name}: ${run.machine.processor}, ${run.machine.cores} cores, Node ${run.machine.node}, load ${run.machine.loadAverage.toFixed(1)}\n`,
  );
process.stdout.write(`\n${formatRows([["case", "A", "B", "time over yardstick", "B against A"], ...rows])}`);
