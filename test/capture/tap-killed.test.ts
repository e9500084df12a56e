import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { readTrace } from "../../lib/trace/index.js";
import { fakeUpstream } from "./fake-upstream.js";
import { afterTest, scratchFile } from "./scratch.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A tap in a process of its own, and the address it reports. */
async function tapProcess(upstream: string, traceOut: string): Promise<{ url: string; child: ChildProcess }> {
  const args = ["tap", "--listen", "127.0.0.1:0", "--upstream", upstream, "--trace-out", traceOut];
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  afterTest(() => child.kill("SIGKILL"));
  let said = "";
  for await (const text of child.stderr as AsyncIterable<Buffer>) {
    said += String(text);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
    if (url !== undefined) return { url, child };
  }
  throw new Error(`the tap did not start: ${said}`);
}

async function stream(url: string, firstId: number): Promise<void> {
  const prompt = Array.from({ length: 64 }, (_, i) => firstId + i);
  const answer = await request(`${url}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ prompt, stream: true }),
  });
  await answer.body.dump();
}

describe.each(["jsonl", "jsonl.gz"])("a tap killed with SIGKILL in mid-capture (%s)", (extension) => {
  it("has written every request that had ended, readable, and lost only those in flight", async () => {
    const upstream = await fakeUpstream({ tokens: 8, gapMs: 3 });
    const traceOut = scratchFile(`tap.${extension}`);
    const { url, child } = await tapProcess(upstream.url, traceOut);
    let ended = 0;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let turn = 0; ; turn++) {
        await stream(url, 1000 * client + turn);
        ended++;
      }
    });
    const cut = Promise.allSettled(clients);
    while (ended < 100) await new Promise((resolve) => setTimeout(resolve, 1));
    // Records go to the system when the answer has ended, which the client sees at about the same time.
    const endedBefore = ended - clients.length;
    child.kill("SIGKILL");
    await cut;
    const { records, rejected } = await readTrace(traceOut);
    expect(records.length).toBeGreaterThanOrEqual(endedBefore);
    expect(rejected.length).toBeLessThanOrEqual(1);
    for (const record of records) expect(record).toMatchObject({ outputTokens: 8, finishReason: "length" });
  });
});
