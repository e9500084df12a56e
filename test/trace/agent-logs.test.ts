import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importTrace } from "../../lib/trace/files/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { sharedData } from "./helpers.js";

const sum = (trace: Trace, of: (record: TraceRecord) => number | undefined) =>
  trace.records.reduce((total, record) => total + (of(record) ?? 0), 0);

const counted = (trace: Trace) => [
  trace.records.length,
  sum(trace, ({ promptTokens }) => promptTokens),
  sum(trace, ({ cachedTokens }) => cachedTokens),
  sum(trace, ({ outputTokens }) => outputTokens),
];

/** Leading prompt tokens, in full blocks, that an earlier prompt or answer of the trace brought. */
function hitTokens(trace: Trace): number {
  const seen = new Set<number>();
  let blocks = 0;
  for (const { blockIds = new Int32Array(), outputBlockIds = new Int32Array() } of trace.records) {
    const first = blockIds.findIndex((id) => !seen.has(id));
    blocks += first < 0 ? blockIds.length : first;
    for (const id of [...blockIds, ...outputBlockIds]) seen.add(id);
  }
  return blocks * (trace.meta.blockSize ?? 16);
}

describe.skipIf(!existsSync(`${sharedData}agent-logs`))(
  "public logs of agents (skipped where ../shared/data is absent)",
  () => {
    it("Claude Code: calls are counted by message, not by record, and are those of the round trace", async () => {
      const log = await importTrace("claude-code", `${sharedData}agent-logs/claude-session.jsonl.gz`);
      expect(counted(log)).toEqual([10, 418_193, 394_068, 9423]);
      const rounds = await importTrace("tracelab", `${sharedData}tracelab/round_trace.jsonl`);
      const claude = rounds.records.filter(({ session }) => session?.startsWith("claude:"));
      const shown = ({ promptTokens, cachedTokens, outputTokens, elapsedMs }: TraceRecord) => [
        promptTokens,
        cachedTokens,
        outputTokens,
        elapsedMs,
      ];
      expect(log.records.map(shown)).toEqual(claude.map(shown));
      expect(hitTokens(log)).toBeGreaterThan(0.9 * 394_068);
    });

    it("Codex: echoes are no calls", async () => {
      const log = await importTrace("codex", `${sharedData}agent-logs/codex-session.jsonl.gz`);
      expect(counted(log)).toEqual([9, 95_819, 79_488, 1912]);
      expect(log.records[3]).toMatchObject({ promptTokens: 10_152, cachedTokens: 3456 });
    });

    it("TraceLab rounds: both sessions", async () => {
      const rounds = await importTrace("tracelab", `${sharedData}tracelab/round_trace.jsonl`);
      expect(counted(rounds)).toEqual([19, 514_012, 473_556, 11_335]);
    });

    it.each([
      ["multi_session_large", 303, 1_150_397, 937_472, 58_678],
      ["multi_session_example", 8, 5308, 3232, 448],
    ])(
      "TraceLab workload %s: what is kept of all before is what is hit",
      async (name, rounds, prompts, hits, answers) => {
        const trace = await importTrace("tracelab", `${sharedData}tracelab/${name}.csv`, { strict: true });
        expect(trace.records).toHaveLength(rounds);
        expect(sum(trace, ({ promptTokens }) => promptTokens)).toBe(prompts);
        expect(sum(trace, ({ outputTokens }) => outputTokens)).toBe(answers);
        expect(hitTokens(trace)).toBe(hits);
      },
    );

    it("tau-bench: each answer was a request whose prompt is all before it", async () => {
      const trace = await importTrace("conversations", `${sharedData}tau-bench/gpt-4o-airline-20.jsonl.gz`);
      expect(trace.records).toHaveLength(289);
      expect(new Set(trace.records.map(({ session }) => session)).size).toBe(20);
      expect(trace.records.reduce((total, { messages }) => total + (messages?.length ?? 0), 0)).toBe(5478);
      expect(trace.records.filter(({ turn }) => turn === 1)).toHaveLength(20);
    });
  },
);

describe.skipIf(!existsSync(`${sharedData}otel`))(
  "public OpenTelemetry traces (skipped where ../shared/data is absent)",
  () => {
    it("hold 73 calls in 9 files", async () => {
      const files = readdirSync(`${sharedData}otel`).filter((name) => name.endsWith(".json"));
      const traces = await Promise.all(files.map((name) => importTrace("otel", `${sharedData}otel/${name}`)));
      expect(traces.map(({ records }) => records.length).reduce((a, b) => a + b)).toBe(73);
      expect(traces.every(({ rejected }) => rejected.length === 0)).toBe(true);
    });

    /** Calls by how many others stand in their prompts, before any is left out as another's. */
    it.each([
      ["simple_chain", 3, 1],
      ["parallel_requests", 5, 1],
      ["fan_in_dependencies", 4, 3],
      ["customer_support_escalation", 9, 2],
      ["multi_agent_research", 12, 8],
      ["code_review_workflow", 15, 10],
      ["software_architecture_review", 15, 11],
    ])("%s: roots are the calls whose prompt holds no earlier answer", async (name, calls, roots) => {
      const trace = await importTrace("otel", `${sharedData}otel/${name}.json`);
      expect(trace.records).toHaveLength(calls);
      expect(trace.records.filter(({ parents }) => parents?.length === 0)).toHaveLength(roots);
    });

    it("lengths are the server's counts where there are any", async () => {
      const trace = await importTrace("otel", `${sharedData}otel/prefix_sharing_example.json`);
      expect(sum(trace, ({ promptTokens }) => promptTokens)).toBe(1065);
      expect(sum(trace, ({ outputTokens }) => outputTokens)).toBe(280);
    });
  },
);
