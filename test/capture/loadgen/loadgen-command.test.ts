import { describe, expect, it } from "vitest";
import { InputError } from "../../../lib/base/index.js";
import { loadgenCommand } from "../../../lib/cli/commands/loadgen.js";

/** What the command says to flags before it asks any server. */
async function refusal(...flags: string[]): Promise<Error> {
  const command = loadgenCommand().exitOverride();
  try {
    // Port 0 can be nobody's: whatever gets that far fails there.
    await command.parseAsync(["--url", "http://127.0.0.1:0", "--model", "m", ...flags], { from: "user" });
  } catch (error) {
    return error as Error;
  }
  throw new Error("was not refused");
}

describe("a flag that the pattern does not use", () => {
  it("is an error that names it, the patterns that use it, and what the chosen one is", async () => {
    const error = await refusal("--pattern", "constant", "--rate", "5", "--sessions", "3");
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(
      /pattern constant does not use --rate \(for multiturn, poisson\) and --sessions \(for multiturn, poisson, burst\)/,
    );
    expect(error.message).toMatch(/constant is closed loop, --concurrency workers/);
  });

  it.each([
    [["--rate", "5"], /pattern constant does not use --rate/],
    [["--pattern", "poisson", "--think-time", "0"], /poisson does not use --think-time \(for multiturn\)/],
    [["--pattern", "burst", "--concurrency", "1"], /burst does not use --concurrency/],
    [["--pattern", "sweep", "--duration", "60"], /sweep does not use --duration/],
    [["--pattern", "multiturn", "--burst-size", "8"], /multiturn does not use --burst-size \(for burst\)/],
  ])("%j, also where the value is the default", async (flags, message) => {
    expect((await refusal(...flags)).message).toMatch(message);
  });

  it("is none that has a default and was not given, nor one that the pattern uses", async () => {
    for (const flags of [
      ["--concurrency", "2", "--duration", "1"],
      ["--pattern", "multiturn", "--rate", "1", "--turns", "2", "--prefix-count", "1", "--sessions", "1"],
      ["--pattern", "staircase", "--stairs", "1,2"],
      ["--pattern", "burst", "--burst-size", "2", "--burst-interval", "1", "--sessions", "2"],
      ["--pattern", "sweep", "--repeats", "1", "--concurrency", "2"],
    ])
      expect((await refusal(...flags)).message).toMatch(/does not serve m/);
  });
});
