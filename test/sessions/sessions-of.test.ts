import { describe, expect, it } from "vitest";
import { inferSessions, recordedSessions, sessionsOf } from "../../lib/sessions/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 5,
  turns: 3,
  prefixTokens: 64,
  promptTokens: 30,
  outputTokens: 20,
});
const withoutHashes: Trace = {
  ...trace,
  records: trace.records.map(({ blockIds: _, outputBlockIds: __, ...record }) => record),
};

describe("sessionsOf", () => {
  it("infers from hashes, and takes what was recorded where there are none", () => {
    expect(sessionsOf(trace)).toEqual(inferSessions(trace));
    expect(sessionsOf(withoutHashes)).toEqual(recordedSessions(withoutHashes));
    expect(Math.max(...sessionsOf(withoutHashes).turn)).toBe(3);
    const someHashes = { ...trace, records: [withoutHashes.records[0], ...trace.records.slice(1)] };
    expect(sessionsOf(someHashes)).toEqual(inferSessions(someHashes));
  });

  it("takes every request for a session where recorded turns do not add up", () => {
    const records = withoutHashes.records.filter(({ turn }) => turn !== 1);
    const { parent } = sessionsOf({ ...withoutHashes, records });
    expect(parent.every((p) => p === -1)).toBe(true);
  });
});
