import { beforeAll, describe, expect, it } from "vitest";
import { readCaptures } from "../../lib/captures/index.js";
import { fitLatency } from "../../lib/fit/index.js";
import type { LatencyModel } from "../../lib/latency/index.js";
import { capturedEngine, replay } from "../../lib/replay/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import type { Trace } from "../../lib/trace/index.js";

let model: LatencyModel;
let warm: Trace[];
beforeAll(async () => {
  model = fitLatency(await readCaptures({ engine: "llama.cpp", role: "fit" })).model;
  warm = await readCaptures({ engine: "llama.cpp", role: "judge", scenario: "warm" });
});

/** Part of the prompt tokens that was found. */
function cachedShare({ records }: Trace): number {
  const sum = (of: "cachedTokens" | "promptTokens") => records.reduce((all, r) => all + (r[of] ?? 0), 0);
  return sum("cachedTokens") / sum("promptTokens");
}

function modeledShare(trace: Trace, prefixReuse?: "blocks" | "slots"): number {
  const sessions = inferSessions(trace);
  const engine = prefixReuse ? { prefixReuse } : {};
  const shares = [1, 2, 3, 4].map((seed) =>
    cachedShare(replay({ trace, sessions }, { model, engine, pacing: "session", seed }).trace),
  );
  return shares.reduce((a, b) => a + b, 0) / shares.length;
}

describe("the captures of llama.cpp", () => {
  it("say that prefixes are found in slots", () => {
    for (const { meta } of warm)
      expect(capturedEngine(meta)).toMatchObject({ maxNumSeqs: 4, prefixReuse: "slots" });
  });

  it("found what the slots of the simulated engine find, far less than a pool of blocks would", () => {
    for (const trace of warm) {
      const captured = cachedShare(trace);
      expect(Math.abs(modeledShare(trace) - captured)).toBeLessThan(0.06);
      expect(modeledShare(trace, "blocks")).toBeGreaterThan(captured + 0.1);
    }
  });
});
