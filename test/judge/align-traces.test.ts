import { describe, expect, it } from "vitest";
import { alignTraces } from "../../lib/judge/index.js";
import { traceOf } from "./judged-traces.js";

type Key = readonly [session: string, turn: number, promptTokens: number, ttftMs?: number];
const traceOfKeys = (keys: readonly Key[]) =>
  traceOf(
    keys.map(([session, turn, promptTokens, ttftMs]) => ({
      session,
      turn,
      promptTokens,
      ...(ttftMs !== undefined && { ttftMs }),
    })),
  );

const reference = traceOfKeys([
  ["a", 1, 10],
  ["b", 1, 20],
  ["a", 2, 30],
  ["b", 2, 40],
]);

describe("alignTraces", () => {
  it("puts a capture's records in the order of another, by session and turn", () => {
    const other = {
      ...traceOfKeys([
        ["b", 2, 40, 4],
        ["a", 2, 30, 3],
        ["b", 1, 20, 2],
        ["a", 1, 10, 1],
      ]),
      meta: { model: "other", extra: {} },
    };
    const aligned = alignTraces(reference, other)!;
    expect(aligned.records.map((r) => r.ttftMs)).toEqual([1, 2, 3, 4]);
    expect(aligned.meta.model).toBe("other");
  });

  it.each<[string, readonly Key[]]>([
    [
      "another number of requests",
      [
        ["a", 1, 10],
        ["b", 1, 20],
        ["a", 2, 30],
      ],
    ],
    [
      "a request that the reference does not have",
      [
        ["a", 1, 10],
        ["b", 1, 20],
        ["a", 2, 30],
        ["c", 2, 40],
      ],
    ],
    [
      "another turn",
      [
        ["a", 1, 10],
        ["b", 1, 20],
        ["a", 2, 30],
        ["b", 3, 40],
      ],
    ],
    [
      "one request twice",
      [
        ["a", 1, 10],
        ["b", 1, 20],
        ["a", 2, 30],
        ["a", 2, 30],
      ],
    ],
    [
      "a prompt of another length",
      [
        ["a", 1, 10],
        ["b", 1, 20],
        ["a", 2, 30],
        ["b", 2, 41],
      ],
    ],
  ])("does not align %s", (_, keys) => {
    expect(alignTraces(reference, traceOfKeys(keys))).toBeUndefined();
  });

  it("does not align where the other capture has a request twice, though the reference has it twice too", () => {
    const twice = traceOfKeys([
      ["a", 1, 10],
      ["a", 1, 10],
    ]);
    expect(alignTraces(twice, twice)).toBeUndefined();
  });

  it("does not align without recorded sessions or turns, on either side", () => {
    const [first, ...rest] = reference.records;
    const { session: _, ...noSession } = first!;
    const { turn: __, ...noTurn } = first!;
    for (const broken of [noSession, noTurn]) {
      const other = { ...reference, records: [broken, ...rest] };
      expect(alignTraces(reference, other)).toBeUndefined();
      expect(alignTraces(other, reference)).toBeUndefined();
    }
  });

  it("does not align where neither side records sessions or turns, though the rest would name each request", () => {
    const [a1, b1, a2] = reference.records;
    const withoutSession = [a1, a2].map(({ session: _, ...record }) => record);
    const withoutTurn = [a1, b1].map(({ turn: _, ...record }) => record);
    const withoutBoth = [a1].map(({ session: _, turn: __, ...record }) => record);
    for (const records of [withoutSession, withoutTurn, withoutBoth]) {
      const both = { ...reference, records };
      expect(alignTraces(both, both)).toBeUndefined();
    }
  });

  it("keeps turn 1 of session 11 apart from turn 11 of session 1", () => {
    const keys: Key[] = [
      ["11", 1, 5, 1],
      ["1", 11, 5, 2],
    ];
    const aligned = alignTraces(traceOfKeys(keys), traceOfKeys([...keys].reverse()));
    expect(aligned!.records.map((r) => r.ttftMs)).toEqual([1, 2]);
  });
});
