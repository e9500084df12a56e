import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadPattern } from "../../../lib/capture/index.js";
import { unusedPatternFlags } from "../../../lib/cli/pattern-flags.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import type { JsonValue } from "../../../lib/trace/index.js";

const scenarios = "data/scenarios";
const { captures } = JSON.parse(readFileSync("data/inventory.json", "utf8")) as {
  captures: { file: string; seed: number; cache: string }[];
};

/** Flags and their names and units in a trace's meta line. */
const recorded: Record<string, (value: string) => readonly [string, JsonValue]> = {
  pattern: (v) => ["pattern", v],
  rate: (v) => ["rate_per_second", Number(v)],
  duration: (v) => ["duration_ms", 1000 * Number(v)],
  sessions: (v) => ["sessions", Number(v)],
  turns: (v) => ["turns", Number(v)],
  "prefix-count": (v) => ["prefix_count", Number(v)],
  "prefix-tokens": (v) => ["prefix_tokens", Number(v)],
  "prompt-tokens": (v) => ["prompt_tokens", Number(v)],
  "output-tokens": (v) => ["output_tokens", Number(v)],
  concurrency: (v) => ["concurrency", Number(v)],
  repeats: (v) => ["repeats", Number(v)],
  stairs: (v) => ["stairs", v.split(",").map(Number)],
  "burst-size": (v) => ["burst_size", Number(v)],
  "burst-interval": (v) => ["burst_interval_ms", 1000 * Number(v)],
  seed: (v) => ["seed", Number(v)],
};

let stubs: string;
beforeAll(() => {
  // A `node` that only says what it was called with.
  stubs = mkdtempSync(join(tmpdir(), "prefixlab-stub-"));
  writeFileSync(join(stubs, "node"), `#!/bin/sh\nprintf '%s\\n' "$@"\n`);
  chmodSync(join(stubs, "node"), 0o755);
});
afterAll(() => rmSync(stubs, { recursive: true }));

/** What a scenario calls `node` with. */
function argumentsOf(scenario: string, seed: number): string[] {
  const env = { ...process.env, PATH: `${stubs}:${process.env.PATH}`, SEED: String(seed) };
  return execFileSync("sh", [join(scenarios, `${scenario}.sh`)], { env, encoding: "utf8" }).split("\n");
}

/** The options that a scenario asks the load generator for, as a trace's meta line would have them. */
function optionsOf(scenario: string, seed: number): Record<string, JsonValue> {
  const args = argumentsOf(scenario, seed);
  return Object.fromEntries(
    args.flatMap((arg, i) => {
      const name = recorded[arg.replace(/^--/, "")];
      return arg.startsWith("--") && name ? [name(args[i + 1] as string)] : [];
    }),
  );
}

describe("scenario scripts", () => {
  it.each(captures)(
    "make $file again: the flags of its script are those it records",
    async ({ file, seed }) => {
      const { meta } = await readTrace(join("data", file));
      const options = optionsOf(basename(file).replace(/-\d+\.jsonl\.gz$/, ""), seed);
      expect(Object.keys(options).length).toBeGreaterThan(3);
      // A tap does not know what its client was asked for.
      if (meta.source !== "tap") expect(meta.extra.options).toMatchObject(options);
    },
  );

  it.each(
    readdirSync(scenarios).filter(
      (name) => !["loadgen.sh", "capture.sh"].includes(name) && name.endsWith(".sh"),
    ),
  )("%s gives no flag that its pattern does not use", (script) => {
    const args = argumentsOf(script.replace(".sh", ""), 1);
    const given = args.flatMap((arg) =>
      arg.startsWith("--")
        ? [arg.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())]
        : [],
    );
    const pattern = args[args.indexOf("--pattern") + 1] as LoadPattern;
    expect(unusedPatternFlags(pattern, given)).toBeUndefined();
  });

  it("ask for the same schedule warm and cold", () => {
    expect(optionsOf("cold", 3)).toEqual(optionsOf("warm", 3));
  });

  it("are all named in their README", () => {
    const readme = readFileSync(join(scenarios, "README.md"), "utf8");
    for (const script of readdirSync(scenarios).filter(
      (name) => name.endsWith(".sh") && name !== "loadgen.sh",
    ))
      expect(readme).toContain(`\`${script}\``);
  });
});
