// Fingerprinting tokens against the same loop in C at -O2: both must end in the same hash.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fingerprintTokens } from "prefixlab";
import { below, result, skipped } from "./yardstick.mjs";

const count = 1_000_000;
const rounds = 9;
const name = "fingerprint, chained FNV-1a of 1M tokens";

export function bench() {
  const tokens = Uint32Array.from({ length: count }, (_, i) => (Math.imul(i, 2654435761) >>> 0) % 150_000);
  const folder = mkdtempSync(join(tmpdir(), "prefixlab-bench-"));
  try {
    const program = join(folder, "fingerprint");
    try {
      const source = fileURLToPath(new URL("./fingerprint.c", import.meta.url));
      execFileSync("cc", ["-O2", "-o", program, source], { stdio: "pipe" });
    } catch (error) {
      return [skipped(name, `needs a C compiler named cc (${error.code ?? "it failed"})`)];
    }
    // In turns, and the best of each: what is compared is code, not who was disturbed.
    let seconds = Number.POSITIVE_INFINITY;
    let yardstickSeconds = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const [took, hash] = execFileSync(program, [String(count), "3"], { encoding: "utf8" }).split(" ");
      yardstickSeconds = Math.min(yardstickSeconds, Number(took));
      const started = process.hrtime.bigint();
      const { highs, lows } = fingerprintTokens(tokens);
      seconds = Math.min(seconds, Number(process.hrtime.bigint() - started) / 1e9);
      const mine = (BigInt(highs.at(-1)) << 32n) | BigInt(lows.at(-1));
      if (mine !== BigInt(hash.trim())) throw new Error(`the C loop says ${hash}, fingerprintTokens ${mine}`);
    }
    return [
      result({
        name,
        value: seconds / yardstickSeconds,
        unit: "x the time of C at -O2",
        aim: below(2),
        seconds,
        yardstick: "the same loop in C",
        yardstickSeconds,
        tokensPerSecond: count / seconds,
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
