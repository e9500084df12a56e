import { describe, expect, it } from "vitest";
import { importTrace } from "../../lib/trace/files/index.js";
import { scratchFolder } from "./helpers.js";

const scratch = scratchFolder();

const openaiRow = (timestamp: unknown, more: object = {}) =>
  JSON.stringify({ timestamp, body: { prompt: "what is it?", max_tokens: 4 }, ...more });

async function imported(format: string, name: string, text: string, options = {}) {
  const trace = await importTrace(format, scratch.write(name, text), options);
  return {
    arrivals: trace.records.map(({ arrivalMs }) => arrivalMs),
    said: trace.warnings.map(({ reason }) => reason).join("\n"),
    trace,
  };
}

const dates = [0, 250, 500, 1000];
const units = [
  ["s", 1e-3],
  ["ms", 1],
  ["us", 1e3],
  ["ns", 1e6],
] as const;

describe("the unit of a source's clock", () => {
  it.each(units)("dates in %s count from the first, whatever the format reads", async (unit, perMs) => {
    const rows = dates.map((ms) => openaiRow((1_717_000_000_000 + ms) * perMs)).join("\n");
    const { arrivals, said } = await imported("openai-log", `dates-${unit}.jsonl`, rows);
    // A double holds 1.7e18 ns to 256 ns.
    arrivals.forEach((ms, i) => {
      expect(ms).toBeCloseTo(dates[i] as number, 3);
    });
    if (unit === "s") expect(said).not.toContain("timestamp");
    else expect(said).toMatch(/timestamp is read as \w+seconds, a guess/);
  });

  it.each(units)("given as %s it is that, without a guess", async (unit, perMs) => {
    const rows = [0, 40, 90].map((ms) => openaiRow(ms * perMs)).join("\n");
    const { arrivals, said } = await imported("openai-log", `given-${unit}.jsonl`, rows, { timeUnit: unit });
    arrivals.forEach((ms, i) => {
      expect(ms).toBeCloseTo([0, 40, 90][i] as number, 9);
    });
    expect(said).not.toContain("timestamp");
  });

  it("is told by how far arrivals are apart where nothing says what it is", async () => {
    const rows = Array.from({ length: 13 }, (_, i) => openaiRow(i * 250)).join("\n");
    const { arrivals, said } = await imported("openai-log", "apart.jsonl", rows);
    expect(arrivals.at(-1)).toBe(3000);
    expect(said).toContain("timestamp is read as milliseconds, a guess: as seconds requests would be");
  });

  it("is said to be the usual one where its values are possible in it, and nothing tells", async () => {
    const { arrivals, said } = await imported(
      "openai-log",
      "open.jsonl",
      [0, 1, 2, 3].map((s) => openaiRow(s)).join("\n"),
    );
    expect(arrivals).toEqual([0, 1000, 2000, 3000]);
    expect(said).toContain("read as seconds, which nothing in the source tells");
  });

  it("scales durations that are differences of the same clock", async () => {
    const rows = Array.from({ length: 4 }, (_, i) => {
      const start = 1_717_000_000_000 + 500 * i;
      return JSON.stringify({
        startTime: start,
        completionStartTime: start + 400,
        endTime: start + 2000,
        messages: [{ role: "user", content: `question ${i}` }],
        response: { choices: [{ message: { content: "yes" }, finish_reason: "stop" }] },
      });
    });
    const { trace } = await imported("openai-log", "gateway.jsonl", rows.join("\n"));
    expect(trace.records.map(({ arrivalMs, ttftMs, elapsedMs }) => [arrivalMs, ttftMs, elapsedMs])).toEqual(
      [0, 500, 1000, 1500].map((ms) => [ms, 400, 2000]),
    );
  });

  it("dates of a benchmark's table in milliseconds where it has microseconds", async () => {
    const rows = Array.from({ length: 10 }, (_, i) => {
      const sent = 1_790_000_000_000 + 400 * i;
      return `${i},100,8,${400 * i},${sent},${sent + 250},${sent + 390},ok`;
    });
    const header =
      "request_id,input_tokens,output_tokens,arrival_time_us,send_time_us,first_chunk_time_us,last_chunk_time_us,status";
    const { trace, said } = await imported("blis", "ms.csv", [header, ...rows].join("\n"));
    const [record] = trace.records.slice(3);
    expect(record?.arrivalMs).toBeCloseTo(1200, 3);
    expect(record?.ttftMs).toBeCloseTo(250, 3);
    expect(record?.elapsedMs).toBeCloseTo(390, 3);
    expect(record?.itlSummary?.meanMs).toBeCloseTo(20, 3);
    expect(said).toContain("send_time_us is read as milliseconds, a guess");
  });

  it.each([
    ["mooncake", (at: number) => ({ timestamp: at, input_length: 10, output_length: 5 })],
    [
      "bailian",
      (at: number) => ({
        chat_id: at % 1e9,
        parent_chat_id: -1,
        timestamp: at,
        input_length: 10,
        output_length: 5,
      }),
    ],
  ] as const)("dates in ns, far beyond any time in the unit of the format: %s", async (format, rowAt) => {
    const rows = [0, 250, 500].map((ms) => JSON.stringify(rowAt((1_717_000_000_000 + ms) * 1e6)));
    const { arrivals, said } = await imported(format, `ns-${format}.jsonl`, rows.join("\n"));
    arrivals.forEach((ms, i) => {
      expect(ms).toBeCloseTo(250 * i, 3);
    });
    expect(said).toContain("timestamp is read as nanoseconds, a guess");
  });

  it.each([
    ["ns", 1e6],
    ["ms", 1],
  ] as const)("of a table's column is what the user says it is: %s", async (unit, perUnit) => {
    const rows = [0, 250, 500].map((ms) => `9,9,${ms * perUnit}`);
    const text = ["prompt_tokens,output_tokens,arrival_s", ...rows].join("\n");
    const { arrivals } = await imported("csv", `table-${unit}.csv`, text, { timeUnit: unit });
    expect(arrivals).toEqual([0, 250, 500]);
  });

  it("Mooncake's in nanoseconds: of the units that are possible, the one in which requests come as they mostly do", async () => {
    const rows = Array.from({ length: 20 }, (_, i) =>
      JSON.stringify({ timestamp: i * 300e6, input_length: 10, output_length: 5, hash_ids: [i] }),
    );
    const { arrivals, said } = await imported("mooncake", "ns.jsonl", rows.join("\n"));
    expect(arrivals.at(-1)).toBe(19 * 300);
    expect(said).toContain("read as nanoseconds, a guess");
  });

  describe.each([
    ["s", "csv", "arrival_s", (at: number) => `9,9,${at / 1000}`],
    [
      "ms",
      "mooncake",
      "timestamp",
      (at: number) => JSON.stringify({ timestamp: at, input_length: 10, output_length: 5 }),
    ],
    ["us", "blis", "send_time_us", (at: number) => `0,9,9,${at * 1000},0,0,0,ok`],
  ] as const)("of a log in %s", (unit, format, field, rowAt) => {
    const headers: Record<string, string> = {
      csv: "prompt_tokens,output_tokens,arrival_s",
      blis: "request_id,input_tokens,output_tokens,arrival_time_us,send_time_us,first_chunk_time_us,last_chunk_time_us,status",
    };
    const header = format in headers ? [headers[format]] : [];
    const log = (count: number, gapMs: number, name: string) =>
      imported(
        format,
        `${name}-${unit}.log`,
        [...header, ...Array.from({ length: count }, (_, i) => rowAt(i * gapMs))].join("\n"),
      );

    it("stays the format's own over three months, and what is doubtful in it is said", async () => {
      const day = 86_400_000;
      const { arrivals, said } = await log(1000, (90 * day) / 999, "months");
      expect((arrivals.at(-1) as number) / day).toBeCloseTo(90, 6);
      expect(said).not.toContain("a guess");
      expect(said).toContain(`${field} is read as`);
      expect(said).toContain("its own unit, in which requests are 7.78e+3 s apart");
    });

    it("stays it over an hour, and nothing is said", async () => {
      const { arrivals, said } = await log(600, 6000, "hour");
      expect(arrivals.at(-1)).toBeCloseTo(599 * 6000, 6);
      expect(said).not.toContain("is read as");
    });
  });

  it("is not asked for where the source names it", async () => {
    const span = { span_id: "a", start_time: "2026-01-01T10:00:00Z", end_time: "2026-01-01T10:00:01Z" };
    const attributes = {
      "gen_ai.request.model": "m",
      "gen_ai.usage.input_tokens": 5,
      "gen_ai.usage.output_tokens": 2,
    };
    const { said } = await imported(
      "otel",
      "named.json",
      JSON.stringify({ spans: [{ ...span, attributes }] }),
      { timeUnit: "us" },
    );
    expect(said).toContain("the time unit that was given is not used");
  });

  it("durations without a unit tell it: gaps of 11 are no seconds", async () => {
    const n = 12;
    const document = {
      input_lens: Array(n).fill(100),
      output_lens: Array(n).fill(4),
      ttfts: Array(n).fill(300),
      itls: Array(n).fill([11, 11, 11]),
      start_times: Array.from({ length: n }, (_, i) => 5000 + 250 * i),
    };
    const { trace, said } = await imported("vllm-bench", "ms.json", JSON.stringify(document));
    expect(trace.records[2]).toMatchObject({ arrivalMs: 500, ttftMs: 300 });
    expect([...(trace.records[2]?.itlMs ?? [])]).toEqual([11, 11, 11]);
    expect(said).toContain("as seconds gaps would be");
  });

  it("a date of 0 was not recorded, one of another size is no date as the others", async () => {
    const stamps = [1.7e9, 1.7e9 + 1, 0, 1.7e9 + 2, 1.7e12, 1.7e9 + 3];
    const { arrivals, trace } = await imported(
      "openai-log",
      "zero.jsonl",
      stamps.map((s) => openaiRow(s)).join("\n"),
    );
    expect(arrivals).toEqual([0, 1000, 2000, 3000, undefined]);
    expect(trace.rejected).toEqual([
      { line: 5, reason: "timestamp is no date as those of the other rows are" },
    ]);
  });
});

describe("times that no clock shows", () => {
  it.each([
    ["beyond a double once converted", 1e308, /timestamp must be a time that a clock can show/],
    ["300 years on", 1e10, /lies more than 100 years behind the start/],
  ])("%s is rejected", async (name, timestamp, reason) => {
    const row = (chat: number, at: number) =>
      JSON.stringify({
        chat_id: chat,
        parent_chat_id: -1,
        timestamp: at,
        input_length: 20,
        output_length: 5,
        turn: 1,
      });
    const text = [row(1, timestamp), row(2, 3), row(3, 4)].join("\n");
    const { arrivals, trace } = await imported("bailian", `${name.slice(0, 3)}.jsonl`, text);
    expect(arrivals).toEqual([3000, 4000]);
    expect(trace.rejected[0]?.line).toBe(1);
    expect(trace.rejected[0]?.reason).toMatch(reason);
  });
});
