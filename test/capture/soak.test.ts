import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** Runs a script of test/soak on the built library; resolves to its report. */
function soak(script: string, ...args: string[]): Promise<{ failed: string[] }> {
  const path = fileURLToPath(new URL(`../soak/${script}`, import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [path, ...args], (error, stdout, stderr) => {
      if (stdout === "") reject(error ?? new Error(stderr));
      else resolve(JSON.parse(stdout) as { failed: string[] });
    });
  });
}

describe("a short soak, of which test/soak has the long ones", () => {
  it("many streams with clients that hang up: flat memory, no block lost, right counts in /metrics", async () => {
    const report = await soak("streams.mjs", "--seconds", "2", "--streams", "30", "--hang-ups", "0.3");
    expect(report, JSON.stringify(report)).toMatchObject({ failed: [] });
  });

  it.each(["serve", "tap"])(
    "malformed requests to %s: a 4xx or a closed socket each, streams beside them undisturbed",
    async (target) => {
      const report = await soak("malformed.mjs", "--requests", "250", "--target", target);
      expect(report, JSON.stringify(report)).toMatchObject({ failed: [] });
    },
  );

  it("bodies that inflate and connections that do nothing beside good streams through the tap: all recorded, memory bounded", async () => {
    const sizes = ["--good", "30", "--bombs", "7", "--idle", "100", "--limit-mib", "400"];
    const report = await soak("bombs.mjs", ...sizes);
    expect(report, JSON.stringify(report)).toMatchObject({ failed: [] });
  });
});
