import { mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { importTrace, readTrace, writeTrace } from "../../lib/trace/files/index.js";
import { scratchFolder } from "./helpers.js";

const scratch = scratchFolder();

const guidellmRow = {
  prompt_tokens: 9,
  output_tokens: 3,
  time_to_first_token_ms: 40,
  request_start_time: 1700000065,
};
const wekaRow = { t: 1, in: 70, out: 5, hash_ids: [1] };
const subagent = { type: "subagent", agent_id: "a", t: 2, requests: [wekaRow] };

/** A source whose sound rows are to be read, and how many others are to be counted as rejected. */
const sources: [title: string, format: string, source: unknown, sound: number, bad: number][] = [
  [
    "guidellm: rows that are no objects or start at no time",
    "guidellm",
    {
      benchmarks: [
        {
          requests: {
            successful: [
              guidellmRow,
              null,
              "row",
              [1],
              { ...guidellmRow, request_start_time: "noon" },
              { ...guidellmRow, request_start_time: -4 },
            ],
          },
        },
      ],
    },
    1,
    5,
  ],
  [
    "guidellm: output tokens of a cut-off request that are no count",
    "guidellm",
    {
      benchmarks: [
        {
          requests: {
            successful: [guidellmRow],
            incomplete: [-3, 1.5, "7"].map((n) => ({ ...guidellmRow, output_tokens: n })),
            errored: [{ ...guidellmRow, output_tokens: null }],
          },
        },
      ],
    },
    2,
    3,
  ],
  ["weka: entries that are no objects", "weka", { requests: [wekaRow, null, 7, [wekaRow]] }, 1, 3],
  [
    "weka: a sub-agent without a list of requests",
    "weka",
    { requests: [wekaRow, { ...subagent, requests: 3 }, wekaRow] },
    2,
    1,
  ],
  [
    "weka: a sub-agent that starts at no time",
    "weka",
    { requests: [wekaRow, { ...subagent, t: null }, { ...subagent, agent_id: {} }, subagent] },
    2,
    2,
  ],
  [
    "weka: ids of a bad row name no blocks of the rows after it",
    "weka",
    { tool_tokens: 64, requests: [{ ...wekaRow, hash_ids: [null] }, wekaRow] },
    1,
    1,
  ],
];

describe("rows that cannot be used", () => {
  it.each(sources)("%s", async (title, format, source, sound, bad) => {
    const path = scratch.write(`${title.replace(/\W+/g, "-")}.json`, JSON.stringify(source));
    const options = { subagents: true };
    const trace = await importTrace(format, path, options);
    expect(trace.records).toHaveLength(sound);
    expect(trace.rejected).toHaveLength(bad);
    await expect(importTrace(format, path, { ...options, strict: true })).rejects.toThrow(InputError);

    const written = `${path}l`;
    await writeTrace(written, trace);
    const back = await readTrace(written);
    expect(back.records).toHaveLength(sound);
    expect(back.rejected).toEqual([]);
  });

  it("weka: a conversation without a sound id leaves the others of its folder", async () => {
    const folder = scratch.path("folder");
    mkdirSync(folder);
    scratch.write("folder/a.json", JSON.stringify({ id: {}, requests: [wekaRow, wekaRow] }));
    scratch.write("folder/b.json", JSON.stringify({ id: "b", requests: [wekaRow] }));
    const trace = await importTrace("weka", folder);
    expect(trace.records.map(({ session }) => session)).toEqual(["b"]);
    expect(trace.rejected).toHaveLength(2);
  });

  it("csv: turns count from 1", async () => {
    const path = scratch.write("turns.csv", "prompt_tokens,output_tokens,turn\n5,5,1\n5,5,0\n");
    const trace = await importTrace("csv", path);
    expect(trace.records).toHaveLength(1);
    expect(trace.rejected[0]?.reason).toBe("turn must be a positive integer, got 0");
  });
});

describe("heads that cannot be used", () => {
  it.each([
    ["guidellm", "list.json", '{"benchmarks":[{"requests":[]}]}', /requests must be an object/],
    ["guidellm", "null.json", '{"benchmarks":[null]}', /benchmarks\[0\] must be an object, got null/],
  ])("%s: %s is an InputError that names the file", async (format, name, text, said) => {
    const read = importTrace(format, scratch.write(name, text));
    await expect(read).rejects.toThrow(InputError);
    await expect(read).rejects.toThrow(said);
    await expect(read).rejects.toThrow(name);
  });

  it("blis: a header whose server is no object is an InputError that names the header", async () => {
    const path = scratch.write("run.csv", "input_tokens,output_tokens,arrival_time_us\n5,5,1\n");
    scratch.write("run.yaml", "server: fast\n");
    const read = importTrace("blis", path);
    await expect(read).rejects.toThrow(InputError);
    await expect(read).rejects.toThrow(/run\.yaml: server must be an object/);
  });
});
