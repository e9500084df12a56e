import { describe, expect, it } from "vitest";
import { unusedPatternFlags } from "../../lib/cli/pattern-flags.js";
import { runCli } from "./run-cli.js";

describe("flags of loadgen that the pattern passes over", () => {
  it("are named with the patterns that use them, beside what the chosen one is", () => {
    const told = unusedPatternFlags("constant", ["url", "rate", "sessions", "concurrency"]);
    expect(told).toMatch(
      /^pattern constant does not use --rate \(for multiturn, conversations, poisson\) and --sessions \(for multiturn, conversations, poisson, burst\)/,
    );
    expect(told).toMatch(/constant is closed loop, --concurrency workers/);
    expect(unusedPatternFlags("multiturn", ["burstSize"])).toContain("--burst-size (for burst)");
  });

  it("are none that the pattern uses", () => {
    expect(unusedPatternFlags("constant", ["concurrency", "duration", "seed"])).toBeUndefined();
    expect(unusedPatternFlags("staircase", ["stairs"])).toBeUndefined();
    expect(unusedPatternFlags("multiturn", ["rate", "turns", "prefixCount", "sessions"])).toBeUndefined();
  });

  it("are told on stderr when the user gave them, not for their defaults", () => {
    // Nothing listens on port 0: the run ends where it asks for the server.
    const run = (...flags: string[]) =>
      runCli(["loadgen", "--url", "http://127.0.0.1:0", "--model", "m", ...flags]).stderr;
    expect(run("--pattern", "constant", "--rate", "5")).toContain("constant does not use --rate");
    expect(run("--pattern", "constant")).not.toContain("does not use");
  });
});
