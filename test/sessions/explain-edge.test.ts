import { describe, expect, it } from "vitest";
import { EDGE_KINDS, type EdgeKind, explainEdge, type Sessions } from "../../lib/sessions/index.js";

interface Edge {
  readonly parent?: number;
  readonly kind: EdgeKind;
  readonly shared: number;
  readonly own?: number;
  readonly trunk?: number;
  readonly rivals?: number;
  readonly fork?: boolean;
}

/** Why record 7 has this edge. */
function why({ parent = 3, kind, shared, own = 0, trunk = 0, rivals = 1, fork = false }: Edge): string {
  const at7 = (value: number) => Int32Array.from({ length: 8 }, (_, i) => (i === 7 ? value : -9));
  const sessions = {
    parent: at7(kind === "root" ? -1 : parent),
    evidence: {
      kind: Uint8Array.from(at7(EDGE_KINDS.indexOf(kind))),
      sharedBlocks: at7(shared),
      parentBlocks: at7(own),
      trunkBlocks: at7(trunk),
      competingParents: at7(rivals),
      fork: Uint8Array.from(at7(fork ? 1 : 0)),
    },
  };
  return explainEdge(sessions as unknown as Sessions, 7);
}

describe("why a request has its parent", () => {
  it("is what it holds of it", () => {
    expect(why({ kind: "answer", shared: 9, own: 5 })).toBe(
      "holds the 5 prompt blocks of 3 and goes on with its recorded answer (9 blocks shared)",
    );
    expect(why({ kind: "tail-edit", shared: 4, own: 6 })).toBe(
      "holds all but the last 2 of the 6 prompt blocks of 3 (4 blocks shared)",
    );
    expect(why({ kind: "edit", shared: 4, own: 30 })).toBe(
      "rewrites the history of 3, which never goes on, from block 4 of 30 (4 blocks shared)",
    );
    expect(why({ parent: 0, kind: "prefix", shared: 5, own: 5 })).toBe(
      "holds all 5 prompt blocks of 0 and is longer (5 blocks shared)",
    );
  });

  it("is a failure before it, or who started it", () => {
    expect(why({ kind: "retry", shared: 4, own: 4 })).toBe(
      "is the prompt of 3 once more, which failed (4 blocks shared)",
    );
    expect(why({ kind: "spawn", shared: 0 })).toBe(
      "a sub-agent that began just after 3 ended, as its kind do, and shares nothing with it",
    );
    expect(why({ kind: "restart", shared: 0 })).toBe(
      "begins a context afresh while the agent above waits; 3 was the sub-agent's last before",
    );
  });

  it("goes with what lies past a trunk, who fits as well, and that it is a fork", () => {
    const prefix = "holds all 5 prompt blocks of 3 and is longer (5 blocks shared";
    const edge = { kind: "prefix", shared: 5, own: 5 } as const;
    expect(why({ ...edge, trunk: 1 })).toBe(`${prefix}, 4 of them past a shared trunk of 1)`);
    expect(why({ ...edge, rivals: 2 })).toBe(`${prefix}); 1 other request fits as well`);
    expect(why({ ...edge, rivals: 3 })).toBe(`${prefix}); 2 other requests fit as well`);
    expect(why({ ...edge, fork: true })).toBe(`${prefix}); a fork: the parent had a child before`);
  });
});

describe("why a request has no parent", () => {
  it("is that it shares nothing, a trunk alone, or nothing whose answer is continued", () => {
    expect(why({ kind: "root", shared: 0 })).toBe("shares no full block with an earlier request");
    expect(why({ kind: "root", shared: 4, trunk: 4 })).toBe(
      "shares 4 blocks with earlier requests, all within a trunk that many share",
    );
    expect(why({ kind: "root", shared: 6, trunk: 4 })).toBe(
      "shares 6 blocks with earlier requests, 4 of them a trunk, yet none that was over fits as parent: no answer is continued",
    );
    expect(why({ kind: "root", shared: 1 })).toBe(
      "shares 1 blocks with earlier requests, yet none that was over fits as parent: no answer is continued",
    );
  });
});
