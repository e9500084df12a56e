import { describe, expect, it } from "vitest";
import {
  inferSessions,
  MIN_CONFIDENCE,
  recordedSessions,
  scoreSessions,
  sessionsOf,
} from "../../lib/sessions/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { type Shorthand, traceOf } from "./trace-of.js";

/** Numbered words of one maker: `words("a", 3)` is "a0 a1 a2". */
function words(maker: string, count: number): string {
  return Array.from({ length: count }, (_, i) => `${maker}${i}`).join(" ");
}

/** Conversations whose history grows by `kept` blocks of each answer of `output` tokens and a message of two blocks. */
function conversations(options: {
  readonly sessions: number;
  readonly turns: number;
  readonly kept: number;
  readonly output: number;
  readonly overlapMs?: number;
  readonly durationMs?: number;
}): { readonly trace: Trace; readonly parent: number[] } {
  const { sessions, turns, kept, output, overlapMs = -300, durationMs = 1000 } = options;
  const rows: (Shorthand & { readonly session: number })[] = [];
  for (let s = 0; s < sessions; s++) {
    let history = `${words("sys", 6)} ${words(`m${s}.0.`, 3)}`;
    for (let t = 0; t < turns; t++) {
      const at = 170 * s + t * (durationMs - overlapMs);
      rows.push({ session: s, at, end: at + durationMs, prompt: history, rest: 5, output });
      history += ` ${words(`a${s}.${t}.`, kept)} ${words(`m${s}.${t + 1}.`, 2)}`;
    }
  }
  rows.sort((a, b) => a.at - b.at);
  const last = new Map<number, number>();
  const parent = rows.map(({ session }, i) => {
    const before = last.get(session) ?? -1;
    last.set(session, i);
    return before;
  });
  return { trace: traceOf(...rows), parent };
}

/** The trace with sessions and turns written down, from parents. */
function told({ trace, parent }: { readonly trace: Trace; readonly parent: readonly number[] }): Trace {
  const labels: { session: string; turn: number }[] = [];
  for (const [i, p] of parent.entries()) {
    const before = labels[p];
    labels.push(before ? { session: before.session, turn: before.turn + 1 } : { session: `s${i}`, turn: 1 });
  }
  return { ...trace, records: trace.records.map((record, i) => ({ ...record, ...labels[i] })) };
}

describe("a history that drops the reasoning", () => {
  for (const output of [40, 120, 500, 4000])
    it(`continues the turn whose prompt it holds, answers of ${output} tokens of which 32 stay`, () => {
      const made = conversations({ sessions: 3, turns: 5, kept: 2, output });
      const { parent, evidence } = inferSessions(made.trace);
      expect([...parent]).toEqual(made.parent);
      expect(Math.min(...evidence.confidence)).toBeGreaterThan(MIN_CONFIDENCE);
    });
});

describe("a child that arrives before the recorded end of its parent", () => {
  for (const share of [0.011, 0.03, 0.08])
    it(`is still its child, ${100 * share} % of the duration early, and that is said`, () => {
      const made = conversations({ sessions: 3, turns: 5, kept: 2, output: 30, overlapMs: 1000 * share });
      const { parent, overlapShare, warnings } = inferSessions(made.trace);
      expect([...parent]).toEqual(made.parent);
      expect(overlapShare).toBeGreaterThanOrEqual(share);
      expect(warnings.join()).toMatch(
        /^12 turns arrived before the recorded end of the turn before, by up to/,
      );
    });

  it("is none where requests side by side overlap by anything", () => {
    const rows = Array.from({ length: 60 }, (_, i) => [
      { at: 5000 * i, end: 5000 * i + 1000, prompt: `h${i} x` },
      { at: 5000 * i + 16 * i, end: 5000 * i + 2000, prompt: `h${i} x y z` },
    ]).flat();
    const { overlapShare, parent } = inferSessions(traceOf(...rows));
    expect(overlapShare).toBe(0);
    expect(parent.every((p) => p < 0)).toBe(true);
  });
});

describe("requests of one time stamp", () => {
  for (const end of [undefined, 0])
    it(`are in order of length, ${end === undefined ? "without ends" : "with ends at the same time"}`, () => {
      const prompts = ["a b", "a b A c", "a b A c C d"].map((prompt) => ({
        at: 0,
        ...(end !== undefined && { end }),
        prompt,
      }));
      const { parent, turn } = inferSessions(traceOf(...prompts.reverse()));
      expect([...parent]).toEqual([1, 2, -1]);
      expect([...turn]).toEqual([3, 2, 1]);
    });

  it("are not tied where one is still answered", () => {
    const { parent } = inferSessions(
      traceOf({ at: 0, end: 900, prompt: "a b" }, { at: 0, end: 900, prompt: "a b A c" }),
    );
    expect([...parent]).toEqual([-1, -1]);
  });
});

describe("a whole prompt that nothing continues yet", () => {
  it("goes before an edit of another trial of the same task", () => {
    const task = words("t", 8);
    const { parent } = inferSessions(
      traceOf(
        { at: 0, end: 10, prompt: task },
        { at: 20, end: 30, prompt: `${task} ok call ${words("u", 7)}` },
        { at: 100, end: 110, prompt: task },
        { at: 120, prompt: `${task} ok call ${words("v", 11)}` },
      ),
    );
    expect([...parent]).toEqual([-1, 0, -1, 2]);
  });
});

describe("the turn after parallel calls", () => {
  for (const calls of [2, 3, 5])
    it(`follows the request that they were made of, not the last of ${calls}`, () => {
      const asked = words("q", 12);
      const side = Array.from({ length: calls }, (_, k) => ({
        at: 200 + k,
        end: 300 + k,
        prompt: `${asked} A call${k} x${k}`,
      }));
      const { parent } = inferSessions(
        traceOf({ at: 0, end: 100, prompt: asked, output: 20 }, ...side, {
          at: 400,
          prompt: `${asked} A ${words("result", 9)}`,
        }),
      );
      expect(parent.at(-1)).toBe(0);
    });
});

describe("single questions over one document", () => {
  it("are not sure to continue one another", () => {
    for (const longer of [1, 2, 3]) {
      const { parent, evidence } = inferSessions(
        traceOf(
          { at: 0, end: 800, prompt: `${words("d", 38)} q0`, rest: 5, output: 12 },
          { at: 6000, prompt: `${words("d", 38)} ${words("r", longer)}`, rest: 10, output: 12 },
        ),
      );
      if ((parent[1] as number) >= 0) expect(evidence.confidence[1]).toBeLessThan(MIN_CONFIDENCE);
    }
  });
});

describe("recorded sessions beside hashes", () => {
  /** Three conversations whose context is begun afresh in the middle. */
  const afresh = () => {
    const made = conversations({ sessions: 3, turns: 4, kept: 2, output: 30 });
    const { records } = told(made);
    const later = records.map((record) =>
      (record.turn as number) < 3
        ? record
        : {
            ...record,
            blockIds: Int32Array.from(record.blockIds as Int32Array, (id, d) => (d < 6 ? id : id + 1000)),
          },
    );
    return { ...made.trace, records: later };
  };

  it("are used, and where the hashes differ it is counted", () => {
    const { parent, turn, differences, checked, warnings } = sessionsOf(afresh());
    expect(new Set(turn)).toEqual(new Set([1, 2, 3, 4]));
    expect(parent.filter((p) => p < 0)).toHaveLength(3);
    expect([differences, checked]).toEqual([3, 12]);
    expect(warnings.join()).toContain(
      "on 3 of 12 requests with recorded sessions the hashes tell another parent",
    );
  });

  it("lose one turn and no more where one was sent twice", () => {
    const trace = told(conversations({ sessions: 4, turns: 3, kept: 2, output: 30 }));
    const at = trace.records.findIndex(({ turn }) => turn === 2);
    const twice = {
      ...trace.records[at]!,
      arrivalMs: (trace.records[at]!.arrivalMs as number) + 100,
      outputTokens: 0,
      elapsedMs: 40,
      finishReason: "error",
    };
    const { ttftMs: _, itlSummary: __, ...failed } = twice;
    for (const hashes of [true, false]) {
      const records = [...trace.records, failed]
        .sort((a, b) => (a.arrivalMs as number) - (b.arrivalMs as number))
        .map(({ blockIds, ...record }) => ({ ...record, ...(hashes && blockIds && { blockIds }) }));
      const { session, turn, warnings } = sessionsOf({ ...trace, records });
      expect(new Set(session).size).toBe(4);
      expect(Math.max(...turn)).toBe(3);
      expect(turn.filter((t) => t === 3)).toHaveLength(4);
      expect(warnings).toContain(
        "recorded sessions do not add up on some requests, which were mended alone: 1 repeat a turn",
      );
    }
  });

  it("are truth to score against also as forks, and from the middle of a capture", () => {
    const whole = told(conversations({ sessions: 3, turns: 5, kept: 2, output: 30 }));
    const window = { ...whole, records: whole.records.slice(5, 12) };
    const truth = recordedSessions(window);
    expect(scoreSessions(inferSessions(window), truth!)).toMatchObject({ precision: 1, recall: 1 });
    const fork = told({
      trace: traceOf(
        { at: 0, end: 1, prompt: "s a" },
        { at: 2, end: 3, prompt: "s a A b b b b" },
        { at: 4, end: 5, prompt: "s a A c c c c" },
      ),
      parent: [-1, 0, 0],
    });
    expect(scoreSessions(inferSessions(fork), recordedSessions(fork)!)).toMatchObject({
      precision: 1,
      recall: 1,
    });
  });
});

describe("a request that failed and is sent again", () => {
  const failedTurn = (more: Partial<Shorthand> & { readonly backMs: number }) => {
    const { backMs, ...rest } = more;
    const trace = traceOf(
      { at: 0, end: 100, prompt: "s a b" },
      { at: 200, end: 210, prompt: "s a b A c", rest: 3, output: 0 },
      { at: 210 + backMs, end: 400 + backMs, prompt: "s a b A c", rest: 3, ...rest },
      { at: 900 + backMs, prompt: "s a b A c C d" },
    );
    const [first, second, ...others] = trace.records;
    const { ttftMs: _, itlSummary: __, ...failed } = second!;
    return { ...trace, records: [first!, { ...failed, elapsedMs: 10, finishReason: "error" }, ...others] };
  };

  it("is a retry, of the same turn; the next turn follows the one that was answered", () => {
    for (const backMs of [0, 5, 5000]) {
      const { parent, turn, evidence, link } = inferSessions(failedTurn({ backMs }));
      expect([...parent]).toEqual([-1, 0, 1, 2]);
      expect([...turn]).toEqual([1, 2, 2, 3]);
      expect([...link!]).toEqual([0, 0, 3, 0]);
      expect(evidence.confidence[2]).toBeGreaterThan(0.9);
    }
  });

  it("is none where the prompt is longer", () => {
    expect(inferSessions(failedTurn({ backMs: 5, rest: 4 })).link).toBeUndefined();
  });
});
