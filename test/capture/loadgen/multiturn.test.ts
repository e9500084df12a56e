import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { answerCharacter, codes } from "./fake-server.js";
import { optionsFor, scratch, start } from "./loadgen-rig.js";

/** Paths of the files that this process has open, where the system tells. */
function openFiles(): string[] {
  const directory = "/proc/self/fd";
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(join(directory, fd))];
    } catch {
      // The one that lists them is gone already.
      return [];
    }
  });
}

describe("multiturn", () => {
  const sessions: Partial<LoadgenOptions> = {
    pattern: "multiturn",
    ratePerSecond: 200,
    sessions: 6,
    turns: 3,
    prefixTokens: 64,
    prefixCount: 2,
    durationMs: 60_000,
  };

  for (const promptAs of ["ids", "text"] as const)
    it(`sends each turn as the prefix, all earlier prompts and real answers, and a new prompt (${promptAs})`, async () => {
      const { url, received } = await start();
      const { trace } = await runLoadgen(optionsFor(url, { ...sessions, promptAs }));
      expect(trace.records).toHaveLength(18);
      expect(trace.records.every(isComplete)).toBe(true);
      const bySize = (tokens: number) => received.filter(({ promptIds }) => promptIds.length === tokens);
      // Turn n: 64 prefix + n x 40 prompt + (n - 1) x 5 answer.
      expect([104, 149, 194].map((tokens) => bySize(tokens).length)).toEqual([6, 6, 6]);
      expect(new Set(received.map(({ promptIds }) => promptIds.slice(0, 64).join())).size).toBe(2);
      for (const { promptIds } of bySize(194)) {
        const parent = bySize(149).find((each) => each.promptIds.every((id, i) => id === promptIds[i]));
        expect(parent, "a turn-2 prompt that turn 3 begins with").toBeDefined();
        expect(promptIds.slice(149, 154)).toEqual(
          codes([0, 1, 2, 3, 4].map((k) => answerCharacter(149, k)).join("")),
        );
      }
    });

  it("sends a chat as a system prefix and alternating messages that hold the real answers", async () => {
    const { url, received } = await start();
    await runLoadgen(optionsFor(url, { ...sessions, endpoint: "chat" }));
    const last = received.filter(({ body }) => (body.messages as unknown[]).length === 6);
    expect(last).toHaveLength(6);
    for (const { body, path } of last) {
      expect(path).toBe("/v1/chat/completions");
      const messages = body.messages as { role: string; content: string }[];
      expect(messages.map(({ role }) => role)).toEqual([
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
      ]);
      expect(messages[2]?.content).toBe([0, 1, 2, 3, 4].map((k) => answerCharacter(104, k)).join(""));
    }
  });

  it("fires a turn only after the turn before has ended and the think time has passed", async () => {
    const { url } = await start({ behave: () => ({ kind: "answer", firstMs: 10, gapMs: 2 }) });
    const { trace } = await runLoadgen(optionsFor(url, { ...sessions, thinkTimeMs: 30 }));
    for (const record of trace.records) {
      if (record.turn === 1) continue;
      const before = trace.records.find((r) => r.session === record.session && r.turn === record.turn! - 1)!;
      expect(record.arrivalMs! - (before.arrivalMs! + before.elapsedMs!)).toBeGreaterThanOrEqual(30 - 0.01);
    }
  });

  it("records block hashes that chain from a turn's prompt and answer into the next turn's prompt", async () => {
    const { url } = await start();
    const { trace } = await runLoadgen(optionsFor(url, sessions));
    for (const record of trace.records) {
      expect(record.blockIds).toHaveLength(Math.floor(record.promptTokens / 16));
      expect(record.outputBlockIds).toHaveLength(
        Math.floor((record.promptTokens + record.outputTokens) / 16) - record.blockIds!.length,
      );
      if (record.turn === 1) continue;
      const before = trace.records.find((r) => r.session === record.session && r.turn === record.turn! - 1)!;
      const chain = [...before.blockIds!, ...before.outputBlockIds!];
      expect([...record.blockIds!].slice(0, chain.length)).toEqual(chain);
    }
    const turn1 = trace.records.filter(({ turn }) => turn === 1);
    expect(new Set(turn1.map(({ blockIds }) => blockIds![3])).size).toBe(2);
    expect(new Set(turn1.map(({ blockIds }) => blockIds![4])).size).toBe(6);
  });

  it("ends a session with its first failed turn and counts the turns that were not sent", async () => {
    const { url } = await start({
      behave: (n) => (n === 0 ? { kind: "status", status: 503, message: "full" } : { kind: "answer" }),
    });
    const result = await runLoadgen(optionsFor(url, sessions));
    expect(result.trace.records).toHaveLength(16);
    expect(result.notSent).toBe(2);
    expect(result.stopped).toBe(false);
    expect(result.warnings.join("\n")).toContain("2 planned requests were not sent");
  });

  it("fails when an answer cannot go into the next prompt, also while later sessions are still to come", async () => {
    const { url, received } = await start({
      behave: (n) => ({ kind: "answer", withoutIds: n === 0, firstMs: n === 0 ? 0 : 50 }),
    });
    const traceOut = join(scratch, "run.jsonl");
    const run = runLoadgen(optionsFor(url, { ...sessions, ratePerSecond: 0.3, seed: 1 }), { traceOut });
    await expect(run).rejects.toThrow(/gave no token ids of an answer: send prompts as text/);
    expect(received).toHaveLength(1);
    const { records } = await readTrace(`${traceOut}.partial`);
    expect(records.map(({ session, turn }) => [session, turn])).toEqual([["s0", 1]]);
    expect(openFiles()).not.toContain(`${traceOut}.partial`);
  });
});
