import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importTrace, readTrace, writeTrace } from "../../lib/trace/files/index.js";
import { importAssumptions, type Trace } from "../../lib/trace/index.js";
import { scratchFolder, sharedData } from "./helpers.js";

const scratch = scratchFolder();

/** Two requests of a conversation, whose first 128 of 320 and more tokens are tools and system prompt. */
const play = (id: string, own: number) => ({
  id,
  block_size: 64,
  tool_tokens: 100,
  system_tokens: 28,
  requests: [
    { t: 0, api_time: 2, type: "n", model: "m", in: 320, out: 5, hash_ids: [1, 2, 3, 4, own] },
    { t: 9, api_time: 2, type: "n", model: "m", in: 390, out: 5, hash_ids: [1, 2, 3, 4, own, own + 1] },
  ],
});

/** Prompt tokens that a set without bound finds, and all of them. */
function unbounded({ records, meta }: Trace): { found: number; of: number } {
  const seen = new Set<number>();
  let [found, of] = [0, 0];
  for (const { blockIds, promptTokens } of records) {
    const lookedUp = Array.from(blockIds!).slice(0, Math.ceil(promptTokens / meta.blockSize!) - 1);
    const missed = lookedUp.findIndex((id) => !seen.has(id));
    found += meta.blockSize! * (missed < 0 ? lookedUp.length : missed);
    of += promptTokens;
    for (const id of blockIds!) seen.add(id);
  }
  return { found, of };
}

async function bothWays(path: string) {
  const trace = await importTrace("weka", path, { subagents: true });
  const apart = await importTrace("weka", path, { subagents: true, sharedPreamble: false });
  return { trace, apart };
}

describe("tools and system prompt that Weka's conversations are taken to share", () => {
  it("are told with what rests on them, in the meta line and as a warning, and stay told when written", async () => {
    const path = scratch.write(
      "plays.jsonl",
      [play("p", 5), play("q", 7)].map((p) => JSON.stringify(p)).join("\n"),
    );
    const { trace, apart } = await bothWays(path);
    expect(trace.meta.extra.shared_preamble).toEqual({
      conversations: 2,
      requests: 1,
      of: 4,
      tokens: 128,
      unbounded_share_with: (320 + 128 + 320) / 1420,
      unbounded_share_without: 640 / 1420,
      points: expect.closeTo(12800 / 1420, 9),
    });
    const [words] = importAssumptions(trace.meta);
    expect(words).toContain("in all 2 conversations of a model");
    expect(words).toContain("1 of 4 requests find 128 more prompt tokens, 54.08 % of all instead of 45.07 %");
    expect(trace.warnings.map(({ reason }) => reason)).toContain(`assumed: ${words}`);
    expect(importAssumptions(apart.meta)).toEqual([expect.stringContaining("interleaved")]);
    const written = scratch.path("plays-imported.jsonl");
    await writeTrace(written, trace);
    expect(importAssumptions((await readTrace(written)).meta)).toEqual(importAssumptions(trace.meta));
  });

  it("of one conversation are not mentioned: nothing rests on them", async () => {
    const path = scratch.write("one.json", JSON.stringify(play("p", 5)));
    expect(importAssumptions((await importTrace("weka", path)).meta)).toEqual([]);
  });

  const folders = ["weka", "weka-subagents"].filter((name) => existsSync(`${sharedData}${name}`));
  it.each(folders)("%s: come to what importing without them lacks", async (folder) => {
    const { trace, apart } = await bothWays(`${sharedData}${folder}`);
    const [shared, own] = [unbounded(trace), unbounded(apart)];
    expect(trace.meta.extra.shared_preamble).toMatchObject({
      tokens: shared.found - own.found,
      unbounded_share_with: shared.found / shared.of,
      unbounded_share_without: own.found / own.of,
    });
  });
});
