import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { readTrace } from "../../lib/trace/files/index.js";
import { fakeUpstream } from "./fake-upstream.js";
import { afterTest, scratchFile } from "./scratch.js";
import { tapProcess } from "./tap-process.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

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
    const { url, child, said } = await tapProcess(upstream.url, traceOut);
    let ended = 0;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let turn = 0; ; turn++) {
        await stream(url, 1000 * client + turn);
        ended++;
      }
    });
    const cut = Promise.allSettled(clients);
    let areCut = false;
    void cut.then(() => {
      areCut = true;
    });
    // The first record waits for what the tap learns of its upstream.
    const hasBegun = () => existsSync(traceOut) && statSync(traceOut).size > 0;
    while ((ended < 100 || !hasBegun()) && !areCut) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(areCut, said()).toBe(false);
    // A record is on its way for milliseconds, more on a busy machine; traffic goes on until the kill.
    const endedBefore = ended;
    let written = 0;
    while (written < endedBefore) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      written = await readTrace(traceOut).then(
        (trace) => trace.records.length,
        () => 0,
      );
    }
    child.kill("SIGKILL");
    await cut;
    expect(said()).not.toMatch(/warning/i);
    const { records, rejected } = await readTrace(traceOut);
    expect(records.length).toBeGreaterThanOrEqual(endedBefore);
    expect(rejected.length).toBeLessThanOrEqual(1);
    for (const record of records) expect(record).toMatchObject({ outputTokens: 8, finishReason: "length" });
  });
});

it("a tap whose port is taken ends with exit code 1, and does not hang", async () => {
  const { port } = new URL((await fakeUpstream()).url);
  const args = ["tap", "--listen", `127.0.0.1:${port}`, "--upstream", "http://127.0.0.1:1"];
  const child = spawn(process.execPath, [main, ...args, "--trace-out", scratchFile("tap.jsonl")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  afterTest(() => child.kill("SIGKILL"));
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said += String(text);
  });
  const status = await new Promise((resolve) => child.once("close", resolve));
  expect(said).toContain("EADDRINUSE");
  expect(status).toBe(1);
});
