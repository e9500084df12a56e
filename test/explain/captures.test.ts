import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataDir } from "../../lib/captures/index.js";
import { explainMisses, missCauses } from "../../lib/explain/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";

const inventory = JSON.parse(readFileSync(join(dataDir(), "inventory.json"), "utf8")) as {
  readonly captures: readonly { readonly file: string; readonly engine: string }[];
};

describe("the committed captures", () => {
  it.each(inventory.captures.map(({ file, engine }) => [file, engine] as const))(
    "%s: every computed token has one cause, and on vLLM's none is unexplained",
    async (file, engine) => {
      const workload = workloadOf(await readTrace(join(dataDir(), file)));
      const { causes, promptTokens, cachedTokens, requests } = explainMisses(workload);
      expect(missCauses.reduce((sum, cause) => sum + causes[cause].tokens, 0)).toBe(
        promptTokens - cachedTokens,
      );
      for (const { parts, ...request } of requests)
        expect(parts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(
          request.promptTokens - request.cachedTokens,
        );
      if (!engine.startsWith("vLLM")) return;
      expect(causes.unexplained.tokens).toBe(0);
      expect(causes.reset.tokens).toBe(0);
      expect(causes.evicted_order_unknown.tokens).toBeLessThanOrEqual(0.02 * promptTokens);
    },
  );
});
