// What a replay predicts of the captures in ../fleet, beside what they are: the table of data/FLEET.md. Nothing of a judged
// capture goes into its prediction: prices are those of the fitting captures, arrivals and sharing those of the plan.
//
//   node data/scenarios/judge-fleet.mjs [FOLDER]
//
// FOLDER has an inventory.json as ../fleet has. Build first: npm run build.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dataDir, mean, quantile, readTrace, replay, workloadOf } from "prefixlab";
import { calibrateLatency } from "prefixlab/calibrate";

const folder = process.argv[2] ?? join(dataDir(), "fleet");
const { plan, fit, rateScale, kvCacheBlocks, seeds, captures } = JSON.parse(
  readFileSync(join(folder, "inventory.json"), "utf8"),
);
const { model } = calibrateLatency(await Promise.all(fit.map((file) => readTrace(join(folder, file)))));
const workload = workloadOf(await readTrace(join(folder, plan)));
const routers = [...new Set(captures.map(({ router }) => router))];

const rows = [];
for (const router of routers) {
  const real = await Promise.all(
    captures.filter((capture) => capture.router === router).map(async ({ file }) => measures(await readTrace(join(folder, file)))),
  );
  const runs = Array.from({ length: seeds }, (_, k) =>
    measures(replay(workload, { model, replicas: 2, router, rateScale, seed: k + 1, engine: { kvCacheBlocks } }).trace),
  );
  rows.push({ router, real, runs });
}

const measured = {
  hits: { of: ({ hitShare }) => hitShare, show: (share) => `${(100 * share).toFixed(1)} %` },
  "TTFT p50": { of: ({ ttftMs }) => ttftMs.p50, show: (ms) => `${ms.toFixed(0)} ms` },
  "TTFT mean": { of: ({ ttftMs }) => ttftMs.mean, show: (ms) => `${ms.toFixed(0)} ms` },
  "TTFT p90": { of: ({ ttftMs }) => ttftMs.p90, show: (ms) => `${ms.toFixed(0)} ms` },
};
console.log(
  table(
    ["router", "", "captured", `predicted (mean and range of ${seeds} seeds)`, "off by", "in the captures' spread"],
    rows.flatMap(({ router, real, runs }) =>
      Object.entries(measured).map(([what, { of, show }]) => {
        const captured = real.map(of);
        const drawn = runs.map(of);
        const predicted = mean(drawn);
        const off = predicted - mean(captured);
        const isWithin = predicted >= Math.min(...captured) && predicted <= Math.max(...captured);
        return [
          router,
          what,
          captured.map(show).join(", "),
          `${show(predicted)} [${show(Math.min(...drawn))}, ${show(Math.max(...drawn))}]`,
          what === "hits" ? `${(100 * off).toFixed(1)} points` : `${((100 * off) / mean(captured)).toFixed(0)} %`,
          isWithin ? "yes" : "no",
        ];
      }),
    ),
  ),
);
for (const what of ["hits", "TTFT p50", "TTFT mean"]) {
  const { of } = measured[what];
  const sign = what === "hits" ? -1 : 1;
  const order = (valueOf) => [...rows].sort((a, b) => sign * (valueOf(a) - valueOf(b))).map(({ router }) => router).join(" < ");
  const captured = order(({ real }) => mean(real.map(of)));
  const predicted = order(({ runs }) => mean(runs.map(of)));
  console.log(`order by ${what}, best first: captured ${captured}; predicted ${predicted}${captured === predicted ? "" : ": NOT THE SAME"}`);
}

/** Tokens found of all prompt tokens, and TTFT, of the requests of a trace. */
function measures({ records }) {
  const sum = (of) => records.reduce((total, record) => total + (of(record) ?? 0), 0);
  const ttfts = records.flatMap(({ ttftMs }) => ttftMs ?? []);
  return {
    hitShare: sum(({ cachedTokens }) => cachedTokens) / sum(({ promptTokens }) => promptTokens),
    ttftMs: { p50: quantile(ttfts, 0.5), p90: quantile(ttfts, 0.9), mean: mean(ttfts) },
  };
}

function table(names, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(names), line(names.map(() => "---")), ...rows.map(line)].join("\n");
}
