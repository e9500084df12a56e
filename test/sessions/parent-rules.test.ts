import { describe, expect, it } from "vitest";
import { EDGE_KINDS, explainEdge, inferSessions } from "../../lib/sessions/index.js";
import { type Shorthand, traceOf } from "./trace-of.js";

/** Parent and kind of each request, as `-` or `index kind`. */
function edgesOf(...requests: readonly Shorthand[]): string[] {
  const { parent, evidence } = inferSessions(traceOf(...requests));
  return Array.from(parent, (p, i) => (p < 0 ? "-" : `${p} ${EDGE_KINDS[evidence.kind[i] as number]}`));
}

describe("the parent of a request", () => {
  it("is the one whose whole prompt it holds and outgrows", () => {
    expect(edgesOf({ at: 0, end: 5, prompt: "s a" }, { at: 9, prompt: "s a A b" })).toEqual([
      "-",
      "0 prefix",
    ]);
  });

  it("is the one whose recorded answer it goes on with", () => {
    expect(
      edgesOf(
        { at: 0, end: 5, prompt: "s a", answer: "A" },
        { at: 1, end: 6, prompt: "s b", answer: "B" },
        { at: 9, prompt: "s a A c" },
        { at: 9.5, prompt: "s b B d" },
      ),
    ).toEqual(["-", "-", "0 answer", "1 answer"]);
  });

  it("was over when its child arrived", () => {
    expect(edgesOf({ at: 0, end: 10, prompt: "s a" }, { at: 8, prompt: "s a A b" })).toEqual(["-", "-"]);
  });

  it("was over although its gaps, rounded when written, add up to a little more", () => {
    const trace = traceOf({ at: 0, prompt: "s a" }, { at: 100 * 3.3335, prompt: "s a A b" });
    const [parent, child] = trace.records;
    const itlMs = new Float64Array(100).fill(3.334);
    expect(inferSessions({ ...trace, records: [{ ...parent!, ttftMs: 0, itlMs }, child!] }).parent[1]).toBe(
      0,
    );
  });

  it("was over a tenth of a millisecond after its child arrived, and no later", () => {
    // Many that are sent side by side: what overlaps by little is one of them.
    const sideBySide = Array.from({ length: 400 }, (_, i) => [
      { at: 1000 + 100 * i, end: 1100 + 100 * i, prompt: `t${i} a` },
      { at: 1000.125 + 100.25 * i, prompt: `t${i} a b` },
    ]).flat();
    const ending = (end: number) =>
      edgesOf({ at: 0, end, prompt: "s a" }, { at: 100, prompt: "s a A b" }, ...sideBySide)[1];
    expect([100, 100.1, 100.11].map(ending)).toEqual(["0 prefix", "0 prefix", "-"]);
  });

  it("had arrived before, where no latency is recorded; at one moment the shorter prompt is first", () => {
    expect(
      edgesOf({ at: 0, prompt: "s a A b" }, { at: 0, prompt: "s a" }, { at: 1, prompt: "s a A c" }),
    ).toEqual(["1 prefix", "-", "1 prefix"]);
  });

  it("is the latest of those with the deepest match", () => {
    expect(
      edgesOf(
        { at: 0, end: 1, prompt: "s a" },
        { at: 2, end: 3, prompt: "s a A b" },
        { at: 4, end: 5, prompt: "s a A b B c" },
      ),
    ).toEqual(["-", "0 prefix", "1 prefix"]);
  });

  it("may have lost its last blocks: a partial, re-hashed or re-templated tail", () => {
    expect(edgesOf({ at: 0, end: 1, prompt: "s a b c x" }, { at: 2, prompt: "s a b c y z d" })).toEqual([
      "-",
      "0 tail-edit",
    ]);
  });

  it("may have had its history edited, when that version is abandoned", () => {
    expect(
      edgesOf(
        { at: 0, end: 1, prompt: "s a" },
        { at: 2, end: 3, prompt: "s a A b B c" },
        { at: 4, end: 5, prompt: "s a A b B c C d d d d d D e e" },
        { at: 6, prompt: "s a A b B c C d d d d d summary f and more of f" },
      ),
    ).toEqual(["-", "0 prefix", "1 prefix", "2 edit"]);
  });

  it("may be a first prompt of which a tenth was edited, and not more", () => {
    const words = Array.from({ length: 20 }, (_, i) => `w${i}`);
    const keeping = (kept: number) =>
      edgesOf(
        { at: 0, end: 1, prompt: words.join(" ") },
        { at: 2, prompt: [...words.slice(0, kept), ..."a b c d e f".split(" ")].join(" ") },
      )[1];
    expect([19, 18, 17].map(keeping)).toEqual(["0 tail-edit", "0 tail-edit", "-"]);
    // Ten of the twenty are a trunk of others as well: a tenth of the other ten is one.
    const others = [0, 1, 2].map((i) => ({
      at: 0.1 * i,
      end: 0.5,
      prompt: [...words.slice(0, 10), `o${i}`, `p${i}`].join(" "),
    }));
    const keepingOfOwn = (kept: number) =>
      edgesOf(
        ...others,
        { at: 0.9, end: 1, prompt: words.join(" ") },
        { at: 2, prompt: [...words.slice(0, kept), ..."a b c d e f".split(" ")].join(" ") },
      )[4];
    expect([19, 18].map(keepingOfOwn)).toEqual(["3 tail-edit", "-"]);
  });

  it("is an earlier turn where the other version goes on: a fork", () => {
    const trace = traceOf(
      { at: 0, end: 1, prompt: "s a" },
      { at: 2, end: 3, prompt: "s a A b B c" },
      { at: 6, end: 7, prompt: "s a A b other f" },
      { at: 8, prompt: "s a A b B c C d" },
    );
    const { parent, evidence } = inferSessions(trace);
    expect(Array.from(parent)).toEqual([-1, 0, 0, 1]);
    expect(Array.from(evidence.fork)).toEqual([0, 0, 1, 0]);
  });

  it("is shared by parallel calls, the later ones marked as forks", () => {
    const { parent, session, turn, evidence } = inferSessions(
      traceOf(
        { at: 0, end: 1, prompt: "s a" },
        { at: 2, end: 8, prompt: "s a A tool1" },
        { at: 2, end: 9, prompt: "s a A tool2" },
        { at: 3, end: 7, prompt: "s a A tool3" },
      ),
    );
    expect(Array.from(parent)).toEqual([-1, 0, 0, 0]);
    expect(Array.from(turn)).toEqual([1, 2, 2, 2]);
    expect(Array.from(session)).toEqual([0, 0, 0, 0]);
    expect(Array.from(evidence.fork)).toEqual([0, 0, 1, 1]);
  });

  it("is found through a sibling where a re-templated history has two continuations", () => {
    expect(
      edgesOf(
        { at: 0, end: 1, prompt: "s a b c x" },
        { at: 2, end: 9, prompt: "s a b c y tool1" },
        { at: 3, end: 8, prompt: "s a b c y tool2" },
      ),
    ).toEqual(["-", "0 tail-edit", "0 tail-edit"]);
  });
});

describe("a request without a parent", () => {
  it("is one that shares only a trunk which many continue differently", () => {
    expect(
      edgesOf(
        { at: 0, end: 1, prompt: "s t a" },
        { at: 2, end: 3, prompt: "s t b b b b" },
        { at: 4, end: 5, prompt: "s t c c c c c c" },
        { at: 6, end: 7, prompt: "s t d d d d d d d d" },
      ),
    ).toEqual(["-", "-", "-", "-"]);
  });

  it("is no opening of a trunk that goes on from the tail of a prompt, whichever row that is", () => {
    const rows = [
      { at: 2, end: 3, prompt: "s a b c d e x" },
      { at: 0, end: 1, prompt: "s" },
      { at: 10, prompt: "s a b c d e y z" },
    ];
    for (const order of [rows, [rows[1], rows[0], rows[2]]]) {
      const { evidence } = inferSessions(traceOf(...order), { trunkBranches: 2 });
      expect([...evidence.trunkBlocks]).toEqual([0, 0, 0]);
    }
    const apart = inferSessions(traceOf(rows[0], { ...rows[1], prompt: "t" }, rows[2]), { trunkBranches: 2 });
    expect([...apart.evidence.trunkBlocks]).toEqual([6, 0, 6]);
  });

  it("is every one of many that follow a short request inside the system prompt", () => {
    const short = { at: 0, end: 1, prompt: "s", rest: 3 };
    const others = Array.from({ length: 40 }, (_, i) => ({
      at: 10 + i,
      end: 10.5 + i,
      prompt: `s t u${i} ${"v ".repeat(i % 5)}`,
    }));
    expect(new Set(edgesOf(short, ...others))).toEqual(new Set(["-"]));
  });

  it("is the same prompt sent again; sent again after an answer each is one conversation", () => {
    expect(
      edgesOf(
        { at: 0, end: 1, prompt: "s a" },
        { at: 2, end: 3, prompt: "s a" },
        { at: 4, end: 5, prompt: "s a A b B" },
        { at: 6, end: 7, prompt: "s a A b B" },
      ),
    ).toEqual(["-", "-", "1 prefix", "0 prefix"]);
  });

  it("is one shorter than a block, or without hashes, and that is said", () => {
    const trace = traceOf({ at: 0, end: 1, prompt: "", rest: 9 }, { at: 2, end: 3, prompt: "", rest: 15 });
    const sessions = inferSessions(trace);
    expect(Array.from(sessions.parent)).toEqual([-1, -1]);
    expect(sessions.warnings).toEqual(["no block hashes: every request is taken for a session of its own"]);
  });

  it("is an edited first prompt as long as the one before: it has no room for an answer", () => {
    expect(edgesOf({ at: 0, end: 1, prompt: "s a b c x" }, { at: 2, prompt: "s a b c y" })).toEqual([
      "-",
      "-",
    ]);
  });
});

describe("the evidence of an edge", () => {
  it("counts the requests that fit as well, but not the ancestors of the one chosen", () => {
    const twins = inferSessions(
      traceOf(
        { at: 0, end: 1, prompt: "s a" },
        { at: 2, end: 3, prompt: "s a" },
        { at: 4, end: 5, prompt: "s a A b" },
      ),
    );
    expect(Array.from(twins.evidence.competingParents)).toEqual([0, 0, 2]);
    const chain = inferSessions(
      traceOf(
        { at: 0, end: 1, prompt: "s a", output: 2 },
        { at: 2, end: 3, prompt: "s a", rest: 5, output: 2 },
        { at: 4, end: 5, prompt: "s a A b" },
      ),
    );
    expect(Array.from(chain.parent)).toEqual([-1, 0, 1]);
    expect(Array.from(chain.evidence.competingParents)).toEqual([0, 1, 1]);
  });

  it("ranks one alone above one among rivals, and both above an edit", () => {
    const { evidence } = inferSessions(
      traceOf(
        { at: 0, end: 1, prompt: "a b c d", answer: "A" },
        { at: 0, end: 1, prompt: "k l m n o" },
        { at: 0, end: 1, prompt: "p q r s t" },
        { at: 0, end: 1, prompt: "w x y z" },
        { at: 0.5, end: 1, prompt: "w x y z" },
        { at: 2, prompt: "a b c d A e" },
        { at: 2, prompt: "k l m n o O u" },
        { at: 2, prompt: "p q r s T T v" },
        { at: 2, prompt: "w x y z Z" },
      ),
    );
    const [, prefix, edit, rivalled] = evidence.confidence.slice(5) as unknown as number[];
    expect(prefix).toBeGreaterThan(rivalled as number);
    expect(rivalled).toBeGreaterThan(edit as number);
  });

  it("is told in words", () => {
    const sessions = inferSessions(
      traceOf(
        { at: 0, end: 1, prompt: "s a b" },
        { at: 2, end: 3, prompt: "s a b B c" },
        { at: 4, end: 5, prompt: "other" },
      ),
    );
    expect(explainEdge(sessions, 1)).toBe("holds all 3 prompt blocks of 0 and is longer (3 blocks shared)");
    expect(explainEdge(sessions, 2)).toBe("shares no full block with an earlier request");
  });

  it("says where block hashes are not chained", () => {
    const trace = traceOf({ at: 0, prompt: "a b" }, { at: 1, prompt: "c d" });
    const [first, second] = trace.records;
    const crossed = { ...second, blockIds: Int32Array.of(second!.blockIds![0]!, first!.blockIds![1]!) };
    const { warnings } = inferSessions({ ...trace, records: [first!, { ...second!, ...crossed }] });
    expect(warnings.join()).toMatch(/^1 requests have a block hash that follows another block elsewhere/);
  });
});
