// How much memory a million requests need: every pool size with the best any policy could find at forty, two tiers, time to live.
import { inferSessions } from "../../dist/sessions/index.js";
import { memoryCurve, servedInTurn, tierShares, timeToLiveCurve } from "../../dist/size/index.js";
import { conversations } from "./sessions.bench.mjs";
import { below, result, sortYardstickSeconds } from "./yardstick.mjs";

export function bench({ requests = 1_000_000 } = {}) {
  sortYardstickSeconds();
  const trace = conversations(requests);
  const size =
    1 + trace.records.reduce((most, { blockIds }) => blockIds.reduce((a, b) => Math.max(a, b), most), 0);
  const workload = { trace: { ...trace, blocks: { size } }, sessions: inferSessions(trace) };
  const startedMs = performance.now();
  const served = servedInTurn(workload);
  const curve = memoryCurve(served);
  const timeToLive = timeToLiveCurve(served);
  for (const { poolTokens } of curve.rows)
    tierShares(curve, { poolTokens, cpuTokens: 4 * poolTokens, diskTokens: 16 * poolTokens });
  timeToLive.share(60_000);
  const seconds = (performance.now() - startedMs) / 1000;
  return [
    result({
      name: `size, ${requests} requests: all pools, 40 bounds, two tiers, time to live`,
      value: seconds,
      unit: "s",
      aim: below(60),
      seconds,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    }),
  ];
}
