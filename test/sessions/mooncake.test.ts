import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { quantile } from "../../lib/base/index.js";
import { EDGE_KINDS, inferSessions } from "../../lib/sessions/index.js";
import { BlockTable, type Trace } from "../../lib/trace/index.js";

const FILE = "../shared/data/mooncake/conversation_trace.jsonl.gz";
const BLOCK_SIZE = 512;

interface MooncakeRow {
  readonly timestamp: number;
  readonly input_length: number;
  readonly output_length: number;
  readonly hash_ids: readonly number[];
}

/** The trace with its full blocks only: the last id of a row stands for a partial block. */
function readMooncake(): Trace {
  const blocks = new BlockTable();
  const records = gunzipSync(readFileSync(FILE))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => {
      const row = JSON.parse(line) as MooncakeRow;
      const full = row.hash_ids.slice(0, Math.floor(row.input_length / BLOCK_SIZE));
      return {
        promptTokens: row.input_length,
        outputTokens: row.output_length,
        arrivalMs: row.timestamp,
        blockIds: Int32Array.from(full, (id) => blocks.intern(0, id)),
      };
    });
  return { meta: { blockSize: BLOCK_SIZE, extra: {} }, records, blocks, rejected: [], warnings: [] };
}

/**
 * 12,031 requests of a production chat service (kvcache-ai/Mooncake, FAST25-release/traces). It names no sessions, so
 * the edges are judged by something the rule does not use: what a next turn adds to prompt + answer of the turn before,
 * which in a chat is the user's message and about ten tokens of template.
 *
 * Twenty edges, the middle one of each twentieth of the list in order of arrival, were looked at by hand. In all twenty
 * the child has every raw id of its parent but the last, partial one, and no other request fits as parent. In ten the
 * prompt grew by the answer and 5 to 29 tokens more: a message of a few words. In six it grew by the answer and 359 to
 * 1,036 tokens: a longer message; in four by 2,157 to 5,868: a pasted text. Nineteen intervals were between 54 s and
 * 8 min, one was 32 min: people reading. None looked wrong.
 */
describe.skipIf(!existsSync(FILE))(
  "inferSessions on Mooncake's conversations (../shared/data/mooncake)",
  () => {
    it("finds 3,871 later turns among 12,031 requests, nearly all by a whole contained prompt", () => {
      const trace = readMooncake();
      const { parent, turn, sessionCount, evidence } = inferSessions(trace);
      const histogram = Object.fromEntries(
        EDGE_KINDS.map((kind, code) => [kind, evidence.kind.filter((k) => k === code).length]),
      );
      expect(histogram).toEqual({
        root: 8160,
        answer: 0,
        prefix: 3804,
        "tail-edit": 50,
        edit: 17,
        retry: 0,
        spawn: 0,
        restart: 0,
      });
      expect(sessionCount).toBe(histogram.root);
      expect(parent.filter((p) => p >= 0)).toHaveLength(3871);
      expect(evidence.fork.filter((f) => f === 1)).toHaveLength(109);
      expect([2, 3, 4, 5].map((t) => turn.filter((x) => x === t).length)).toEqual([2037, 754, 374, 200]);
      // Every prompt begins with the same block: a trunk, and no edge rests on it.
      const edges = Array.from(parent.keys()).filter((i) => parent[i]! >= 0);
      expect(edges.every((i) => evidence.sharedBlocks[i]! > evidence.trunkBlocks[i]!)).toBe(true);
    });

    it("finds turns that add the answer and a short message, which chance pairs do not", () => {
      const trace = readMooncake();
      const { parent } = inferSessions(trace);
      const added = (child: number, before: number) => {
        const { promptTokens, outputTokens } = trace.records[before]!;
        return trace.records[child]!.promptTokens - promptTokens - outputTokens;
      };
      const edges = Array.from(parent.keys()).filter((i) => parent[i]! >= 0);
      const found = edges.map((i) => added(i, parent[i]!));
      const chance = edges.slice(1).map((i, k) => added(i, parent[edges[k]!]!));
      const isShort = (tokens: number) => tokens >= 0 && tokens < 50;
      expect(quantile(found, 0.5)).toBeLessThan(50);
      expect(found.filter(isShort).length / found.length).toBeGreaterThan(0.49);
      expect(chance.filter(isShort).length / chance.length).toBeLessThan(0.02);
    });
  },
);
