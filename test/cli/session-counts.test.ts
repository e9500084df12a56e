import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { replayReport } from "../../lib/cli/replay-report.js";
import { sessionSourceJson } from "../../lib/cli/session-flags.js";
import { inspectTrace } from "../../lib/cohorts/index.js";
import { compareTraces } from "../../lib/judge/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { replay } from "../../lib/replay/index.js";
import { summarizeTraceFile } from "../../lib/scale/index.js";
import { sessionsOf } from "../../lib/sessions/index.js";
import { importTrace, writeTrace } from "../../lib/trace/files/index.js";
import { scratchFolder, sharedData } from "../trace/helpers.js";

const scratch = scratchFolder();
const model = latencyProfile("h200-qwen3-8b");
const inFolder = (folder: string, ending: string) =>
  existsSync(sharedData)
    ? readdirSync(`${sharedData}${folder}`)
        .filter((name) => name.endsWith(ending))
        .map((name) => `${folder}/${name}`)
    : [];

const sources = [
  ...inFolder("weka", ".json.gz").map((file) => ["weka", file, false] as const),
  ...inFolder("weka-subagents", ".json.gz").map((file) => ["weka", file, false] as const),
  ...inFolder("weka-subagents", ".json.gz").map((file) => ["weka", file, true] as const),
  ...inFolder("otel", ".json").map((file) => ["otel", file, false] as const),
  ["mooncake", "mooncake/synthetic_trace.jsonl.gz", false],
  ["tracelab", "tracelab/round_trace.jsonl", false],
  ["tracelab", "tracelab/session_workload_example.csv", false],
  ["claude-code", "agent-logs/claude-session.jsonl.gz", false],
  ["codex", "agent-logs/codex-session.jsonl.gz", false],
  ["conversations", "tau-bench/gpt-4o-airline-20.jsonl.gz", false],
  ["llmservingsim", "llmservingsim/rtx4090-llama-3.1-8b", false],
] as const;

describe.skipIf(!existsSync(sharedData))(
  "how many sessions a trace has (skipped where ../shared/data is absent)",
  () => {
    it("has sub-agents of which each is a session, and one session that begins at several requests", async () => {
      const roots = async (format: string, file: string, subagents: boolean) => {
        const { count, roots } = sessionSourceJson(
          sessionsOf(await importTrace(format, `${sharedData}${file}`, { subagents })),
        );
        return [count, roots];
      };
      expect(await roots("weka", "weka-subagents/trace_0254.json.gz", true)).toEqual([6, 1]);
      expect(await roots("otel", "otel/fan_in_dependencies.json", false)).toEqual([1, 3]);
    });

    it.each(sources)("%s %s, sub-agents %s: is one number everywhere", async (format, file, subagents) => {
      const trace = await importTrace(format, `${sharedData}${file}`, { subagents });
      const sessions = sessionsOf(trace);
      const { count } = inspectTrace({ trace, sessions }).sessions;
      expect(sessions.sessionCount).toBe(count);
      expect(new Set(sessions.session).size).toBe(count);
      expect(sessionSourceJson(sessions).count).toBe(count);
      const written = scratch.path("trace.jsonl.gz");
      await writeTrace(written, trace);
      expect((await summarizeTraceFile(written)).inspection.sessions.count).toBe(count);

      if (trace.records.some(({ arrivalMs }) => arrivalMs === undefined)) return;
      const modeled = replay({ trace, sessions }, { model, gaps: false });
      const comparison = compareTraces({ trace, sessions }, { modeled: [modeled.trace] });
      const report = replayReport({
        replays: [modeled],
        sessions,
        comparison,
        statistics: [],
        judgeAfter: 0,
      });
      expect(report).toMatch(new RegExp(`^${trace.records.length} requests, ${count} sessions[ ;]`));
    });
  },
);
