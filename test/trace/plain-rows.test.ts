import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { RecordParser } from "../../lib/trace/files/record-line.js";
import { BlockTable } from "../../lib/trace/index.js";

const blockSize = 16;

/** What JSON.parse and the checks of single fields make of a line, or the reason why not. */
function parsed(text: string) {
  const bytes = Buffer.from(text);
  const blocks = new BlockTable();
  const parser = new RecordParser(blocks);
  try {
    return { record: parser.record(parser.parse(bytes, 0, bytes.length), blockSize), hashes: texts(blocks) };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

/** What is read from the bytes; undefined where the row is left to the other way. */
function plain(text: string) {
  // As in a file: another line stands behind this one.
  const bytes = Buffer.from(`${text}\n{"prompt_tokens": 7}`);
  const blocks = new BlockTable();
  const parser = new RecordParser(blocks);
  try {
    const record = parser.plainRecord(bytes, 0, Buffer.byteLength(text), blockSize);
    return record && { record, hashes: texts(blocks) };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

const texts = (blocks: BlockTable) => Array.from({ length: blocks.size }, (_, id) => blocks.text(id));

/** Values of each field that are plain, and some that are not, or wrong. */
const values: Readonly<Record<string, readonly (readonly string[])[]>> = {
  prompt_tokens: [
    ["4096", "0", "999999999"],
    ["16777217", "1e3", "-1", "007", "12.5", '"12"', "null", "12.0", "1234567890"],
  ],
  output_tokens: [
    ["24", "0", "65536"],
    ["65537", "2097153", "3000000000"],
  ],
  cached_tokens: [
    ["16", "0"],
    ["99999999", "null", "-0", "NaN"],
  ],
  ttft_ms: [
    ["36", "36.125", "0.1", "0", "123456789012345", "0.30000000000001", "99999.9999999999"],
    ["0.1234567890123456", "1.", ".5", "01", "1E2", "-3", "1e999"],
  ],
  arrival_ms: [
    ["0.0", "1234567.891"],
    ["8640000000000001", "null", "[1]"],
  ],
  elapsed_ms: [["90.5"], ["true"]],
  itl_ms: [
    ["[]", "[1, 2.5,3]", "[ 0.1 ]"],
    ["[1, -2]", "[1", "{}", "[null]"],
  ],
  itl_tokens: [
    ["[1, 1, 1]", "[]"],
    ["[70000, 1, 1]", "[1.5]"],
  ],
  itl_summary: [
    ['{"mean_ms": 8.25, "count": 23}', '{"mean_ms":8,"count":1}'],
    [
      '{"count": 1, "mean_ms": 2}',
      "{}",
      "null",
      '{"mean_ms": 1, "count": 2, "x": 3}',
      '{ "mean_ms": 1, "count": 2}',
    ],
  ],
  concurrency: [["3"], ["3.5"]],
  block_hashes: [
    ["[18446744073709551615, 7]", "[]", "[1,2,3]"],
    ["[18446744073709551616]", "[01]", '["1"]', "0"],
  ],
  output_block_hashes: [["[5, 6]"], ["[1, 2, 3, 4, 5, 6, 7, 8]"]],
  tail_block_hash: [["[9]"], ["[9, 10]", "[]", "9"]],
  output_token_ids: [["[1, 2]"], ["[2147483648]"]],
  finish_reason: [
    ['"stop"', '"length"', '""'],
    ['"st\\u006fp"', '"fertig\u00e4"', "1", '"a\tb"', '"stop'],
  ],
  request_id: [['"r-1"'], ['"\\""']],
  session: [['"s 1"'], ["7"]],
  turn: [
    ["1", "12"],
    ["0", '"1"'],
  ],
  session_source: [['"client"'], ["[]"]],
  agent: [['"planner"'], ["{}"]],
  replica: [[], ['"a"', "3"]],
  itl_ctx: [[], ['{"num_running": [1], "prefill_tokens": [0]}']],
  vendor_field: [[], ["1", '{"a": [1, "}"]}']],
  ["__proto__"]: [[], ["1"]],
};

describe("rows that are read from their bytes", () => {
  it("are what JSON.parse and the checks make of them, or are left to those: random rows, right and wrong", () => {
    const seed = 20;
    const random = stream(seed, "plain rows");
    const oneOf = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
    const names = Object.keys(values);
    let read = 0;
    let refused = 0;
    for (let n = 0; n < 8_000; n++) {
      const isOdd = random.integer(2) === 0;
      const fields = names.filter(
        (name) => name === "prompt_tokens" || name === "output_tokens" || random.integer(3) === 0,
      );
      if (random.integer(20) === 0) fields.push(oneOf(names));
      if (random.integer(10) === 0) fields.sort(() => random.integer(3) - 1);
      const space = () => (random.integer(12) === 0 ? oneOf(["  ", "\t", " \r", ""]) : " ");
      const members = fields.flatMap((name) => {
        const [usual, odd] = values[name] as readonly [readonly string[], readonly string[]];
        const from = (isOdd && random.integer(4) === 0) || usual.length === 0 ? odd : usual;
        return usual.length === 0 && !isOdd ? [] : [`"${name}":${space()}${oneOf(from)}`];
      });
      let text = `{${space().trimStart()}${members.join(`,${space()}`)}}`;
      if (random.integer(30) === 0) text = text.slice(0, random.integer(text.length));
      if (random.integer(50) === 0) text += oneOf(["}", " ", ",", "x"]);
      const found = plain(text);
      if (!found) continue;
      const expected = parsed(text);
      expect(found, `seed ${seed}, row ${n}: ${text}`).toEqual(expected);
      if (expected.record)
        expect(Object.keys(found.record ?? {}), `seed ${seed}, row ${n}`).toEqual(
          Object.keys(expected.record),
        );
      if (found.record) read++;
      else refused++;
    }
    // The test would hold if nothing were plain.
    expect(read).toBeGreaterThan(1_000);
    expect(refused).toBeGreaterThan(10);
  });

  it("read every number of up to 15 digits as JSON.parse does", () => {
    const seed = 21;
    const random = stream(seed, "plain numbers");
    for (let n = 0; n < 8_000; n++) {
      const digits = 1 + random.integer(15);
      let text = String(1 + random.integer(9));
      while (text.length < digits) text += random.integer(10);
      const point = random.integer(digits + 1);
      const number =
        point === 0
          ? `0.${text.slice(1) || "5"}`
          : point === digits
            ? text
            : `${text.slice(0, point)}.${text.slice(point)}`;
      const found = plain(`{"prompt_tokens": 1, "output_tokens": 1, "ttft_ms": ${number}}`);
      expect(found?.record?.ttftMs, `seed ${seed}: ${number}`).toBe(JSON.parse(number));
    }
  });

  it("tell rows that repeat, and only those, by their digest", () => {
    const random = stream(22, "digests");
    const row = (n: number) =>
      `{"prompt_tokens": ${64 + (n % 7)}, "output_tokens": 4, "ttft_ms": ${n}.5, "block_hashes": [${n % 11}, 2], "finish_reason": "stop"}`;
    const parser = new RecordParser(new BlockTable());
    const digestOf = (text: string) => {
      const bytes = Buffer.from(text);
      expect(parser.plainRecord(bytes, 0, bytes.length, blockSize)).toBeDefined();
      return parser.digest();
    };
    const digests = new Set(Array.from({ length: 20_000 }, (_, n) => digestOf(row(n))));
    expect(digests.size).toBe(20_000);
    for (let k = 0; k < 100; k++) expect(digests.has(digestOf(row(random.integer(20_000))))).toBe(true);
  });
});
