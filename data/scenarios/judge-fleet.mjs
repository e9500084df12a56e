// What a replay predicts of the captures in ../fleet, beside what they are: the table of data/FLEET.md. Nothing of a judged
// capture goes into its prediction: prices are those of the fitting sweep, arrivals and sharing those of the plan.
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
const { plan, fit, rateScale, kvCacheBlocks, seed, captures } = JSON.parse(
  readFileSync(join(folder, "inventory.json"), "utf8"),
);
const { model } = calibrateLatency([await readTrace(join(folder, fit))]);
const workload = workloadOf(await readTrace(join(folder, plan)));
const routers = [...new Set(captures.map(({ router }) => router))];

const rows = [];
for (const router of routers) {
  const real = await Promise.all(
    captures.filter((capture) => capture.router === router).map(async ({ file }) => measures(await readTrace(join(folder, file)))),
  );
  const predicted = measures(
    replay(workload, { model, replicas: 2, router, rateScale, seed, engine: { kvCacheBlocks } }).trace,
  );
  rows.push({ router, real, predicted });
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const ms = (value) => value.toFixed(0);
const all = (real, of, show) => real.map((one) => show(of(one))).join(", ");
console.log(
  table(
    ["router", "hits, captured", "predicted", "off by", "TTFT p50, captured (ms)", "predicted", "in their spread", "p90, captured", "predicted"],
    rows.map(({ router, real, predicted }) => {
      const p50 = real.map(({ ttftMs }) => ttftMs.p50);
      const isWithin = predicted.ttftMs.p50 >= Math.min(...p50) && predicted.ttftMs.p50 <= Math.max(...p50);
      return [
        router,
        all(real, ({ hitShare }) => hitShare, percent),
        percent(predicted.hitShare),
        `${(100 * (predicted.hitShare - mean(real.map(({ hitShare }) => hitShare)))).toFixed(1)} points`,
        all(real, ({ ttftMs }) => ttftMs.p50, ms),
        ms(predicted.ttftMs.p50),
        isWithin ? "yes" : `no, ${(100 * (predicted.ttftMs.p50 / mean(p50) - 1)).toFixed(0)} % off their mean`,
        all(real, ({ ttftMs }) => ttftMs.p90, ms),
        ms(predicted.ttftMs.p90),
      ];
    }),
  ),
);
for (const [what, of] of [
  ["hits", ({ hitShare }) => -hitShare],
  ["TTFT p50", ({ ttftMs }) => ttftMs.p50],
  ["TTFT mean", ({ ttftMs }) => ttftMs.mean],
]) {
  const order = (valueOf) => [...rows].sort((a, b) => valueOf(a) - valueOf(b)).map(({ router }) => router).join(" < ");
  const captured = order(({ real }) => mean(real.map(of)));
  const predicted = order(({ predicted }) => of(predicted));
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
