import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { runNotebook } from "../../dist/notebook/index.js";
import { fromRoot } from "../cli/run-cli.js";
import { notebookOf, scratchFolder } from "../notebook/sample-notebook.js";
import { quantileOf } from "./quantile-of.js";

// An analysis of one's own, as a user of a notebook writes it: TTFT by turn, the same with half the pool at double rate,
// sessions of more than three turns, a hit-rate curve.
const cells = [
  `import { capturedEngine, display, fitLatency, queryTables, readCaptures, readTrace } from "prefixlab";
import { replay, requestTable, tableChart, tableOf, workloadOf } from "prefixlab";
import { memoryCurve, servedInTurn } from "prefixlab/size";
const mine = workloadOf(await readTrace("${fromRoot("data", "warm-1.jsonl.gz")}"));
const [{ model }, engine] = [fitLatency(await readCaptures({ role: "fit" })), capturedEngine(mine.trace.meta)];`,
  `const half = { ...engine, kvCacheBlocks: Math.floor(engine.kvCacheBlocks! / 2) };
const busier = requestTable(replay(mine, { model, rateScale: 2, engine: half }));
const tables = { captured: requestTable(mine), busier };`,
  `const byTurn = await queryTables(\`SELECT turn, count(*) AS n, median(captured.ttft_ms) AS captured_ms,
  quantile_cont(captured.ttft_ms, 0.9) AS p90_ms, median(busier.ttft_ms) AS modeled_ms
  FROM captured JOIN busier USING (request, turn) GROUP BY turn ORDER BY turn\`, tables);
await display(byTurn);
await display(tableChart(byTurn, { title: "TTFT by turn", x: "turn", y: ["captured_ms", "modeled_ms"] }));`,
  `await display(await queryTables("SELECT session, max(ttft_ms) FROM captured GROUP BY 1 HAVING max(turn) > 3", tables));
await display(tableChart(tableOf(memoryCurve(servedInTurn(mine)).rows), { title: "Hits", x: "poolTokens", y: "lru" }));`,
];

interface Row {
  readonly session: string;
  readonly turn: number;
  readonly ttft_ms: number;
}
const [, ...lines] = gunzipSync(readFileSync(fromRoot("data", "warm-1.jsonl.gz")))
  .toString()
  .trim()
  .split("\n");
const rows = lines.map((line) => JSON.parse(line) as Row);

const scratch = scratchFolder();
afterAll(() => scratch.remove());

describe("an analysis of one's own", () => {
  it("takes at most 15 lines of code, as wide as those of the notebooks", () => {
    // Its one path is as long as the checkout's is deep.
    const code = cells.join("\n").replace(fromRoot("data"), "data").split("\n");
    expect(code.length).toBeLessThanOrEqual(15);
    for (const line of code) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  it("runs in the kernel, and shows the numbers that the rows have", async () => {
    const { notebook, failure } = await runNotebook({
      file: `${scratch.dir}/own.ipynb`,
      notebook: notebookOf(...cells),
      cellTimeoutMs: 60_000,
    });
    expect(failure).toBeUndefined();
    const [byTurn, byTurnChart, sessions, curve] = notebook.cells
      .flatMap(({ outputs }) => outputs ?? [])
      .map((output) => ("data" in output ? output.data : {}));
    const tableRows = String(byTurn?.["text/plain"])
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    expect(tableRows[0]).toEqual(["turn", "n", "captured_ms", "p90_ms", "modeled_ms"]);
    for (const [at, turn] of [1, 2, 3, 4, 5].entries()) {
      const waits = rows.filter((row) => row.turn === turn).map((row) => row.ttft_ms);
      const [p50, p90] = [0.5, 0.9].map((p) => Number(quantileOf(waits, p).toFixed(3)));
      expect(tableRows[at + 1]?.slice(0, 4).map(Number)).toEqual([turn, waits.length, p50, p90]);
    }
    const longer = new Set(rows.filter(({ turn }) => turn > 3).map(({ session }) => session)).size;
    expect(String(sessions?.["text/plain"])).toContain(`the first 50 of ${longer} rows`);
    for (const figure of [byTurnChart, curve]) expect(Object.keys(figure ?? {})).toContain("image/png");
  }, 120_000);
});
