import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sampleTrace } from "../../lib/sample/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { importTrace } from "../../lib/trace/files/index.js";

const FILE = "../shared/data/mooncake/conversation_trace.jsonl.gz";

/** 12,031 requests of a production chat service (kvcache-ai/Mooncake, FAST25-release/traces), sessions inferred. */
describe.skipIf(!existsSync(FILE))(`a twentieth of Mooncake's conversations (needs ${FILE})`, () => {
  it("keeps the hit rate within a point at every pool size, and the distributions within two and a half", async () => {
    const { kept, sessions, requests } = sampleTrace(workloadOf(await importTrace("mooncake", FILE)), {
      share: 0.05,
    });
    expect([sessions, requests]).toEqual([409, 605]);
    expect(kept.curve!.distance).toBeLessThan(0.01);
    expect(kept.curve!.pool.share).toBeCloseTo(0.05, 2);
    for (const ks of [kept.promptTokensKs, kept.outputTokensKs, kept.turnsKs, kept.arrivalKs!])
      expect(ks).toBeLessThan(0.025);
  });
});
