import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { readTrace } from "../../lib/trace/files/index.js";
import { fakeUpstream } from "./fake-upstream.js";
import { eventually, httpServer, scratchFile } from "./scratch.js";
import { tapProcess } from "./tap-process.js";

async function complete(url: string, prompt: unknown = "a prompt that fills a block of sixteen bytes") {
  const answer = await request(`${url}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", prompt, stream: true }),
  });
  expect(answer.statusCode).toBe(200);
  await answer.body.dump();
}

describe("the tap command", () => {
  it("run twice on one file goes on in it, with the key it made the first time", async () => {
    const upstream = await fakeUpstream();
    const traceOut = scratchFile("tap.jsonl");
    const first = await tapProcess(upstream.url, traceOut);
    for (let i = 0; i < 3; i++) await complete(first.url);
    expect(await first.stop()).toBe(0);
    expect(first.said()).toContain(`tap: 3 records in ${traceOut}\n`);
    expect(first.said()).toContain(`${traceOut}.key`);
    expect(statSync(`${traceOut}.key`).mode & 0o777).toBe(0o600);
    expect(statSync(traceOut).mode & 0o777).toBe(0o600);

    const second = await tapProcess(upstream.url, traceOut);
    await complete(second.url);
    expect(await second.stop()).toBe(0);
    expect(second.said()).toContain(`tap: 1 records in ${traceOut}, behind 3 from before`);
    const { records, meta, rejected, blocks } = await readTrace(traceOut);
    expect(records).toHaveLength(4);
    expect(rejected).toEqual([]);
    expect(meta.extra.fingerprint).toBe("hmac-sha256");
    const hashes = records.map(({ blockIds }) => Array.from(blockIds ?? [], (id) => blocks.text(id)).join());
    expect(new Set(hashes).size).toBe(1);
    expect(hashes[0]).not.toBe("");
    const arrivals = records.map(({ arrivalMs }) => arrivalMs as number);
    expect([...arrivals].sort((a, b) => a - b)).toEqual(arrivals);
  });

  it("refuses a file that it cannot go on with: exit code 2, the file as it was, no key left", async () => {
    const { url } = await fakeUpstream();
    for (const content of ["somebody's notes\n", "no line end", '{"meta":{"source":"loadgen"}}\n']) {
      const traceOut = scratchFile("notes.txt");
      writeFileSync(traceOut, content);
      const refused = await tapProcess(url, traceOut).catch((error: Error) => error.message);
      expect(refused).toMatch(/exit code 2[\s\S]*give another path/);
      expect(readFileSync(traceOut, "utf8")).toBe(content);
      expect(existsSync(`${traceOut}.key`)).toBe(false);
    }
  });

  it("replaces a trace with --force", async () => {
    const upstream = await fakeUpstream();
    const traceOut = scratchFile("tap.jsonl.gz");
    for (const flags of [[], ["--force"]]) {
      const tap = await tapProcess(upstream.url, traceOut, flags);
      await complete(tap.url);
      expect(await tap.stop()).toBe(0);
    }
    expect((await readTrace(traceOut)).records).toHaveLength(1);
  });

  it("has fingerprints without a key only when told, and says what that means", async () => {
    const upstream = await fakeUpstream();
    const traceOut = scratchFile("tap.jsonl");
    const tap = await tapProcess(upstream.url, traceOut, ["--no-key"]);
    await complete(tap.url);
    expect(await tap.stop()).toBe(0);
    expect(tap.said()).toContain("prompts can be guessed block by block");
    expect(existsSync(`${traceOut}.key`)).toBe(false);
    expect((await readTrace(traceOut)).meta.extra.fingerprint).toBe("fnv1a64");
  });

  it("warns of a port that others reach, of a key and of a trace that others can read", async () => {
    const upstream = await fakeUpstream();
    const traceOut = scratchFile("tap.jsonl");
    const first = await tapProcess(upstream.url, traceOut);
    expect(await first.stop()).toBe(0);
    expect(first.said()).not.toContain("warning");
    chmodSync(traceOut, 0o644);
    chmodSync(`${traceOut}.key`, 0o640);
    const open = await tapProcess(upstream.url, traceOut, ["--listen", "0.0.0.0:0"]);
    expect(await open.stop()).toBe(0);
    expect(open.said()).toMatch(
      /warning: the tap listens on 0\.0\.0\.0: whoever reaches port \d+ uses the upstream/,
    );
    expect(open.said()).toContain(`warning: ${traceOut}.key can be read by others (mode 640)`);
    expect(open.said()).toContain(`warning: ${traceOut} can be read by others (mode 644)`);
  });

  it("on a disk that takes nothing passes traffic on, says so in one line, and ends with exit code 1", async () => {
    const upstream = await fakeUpstream();
    const tap = await tapProcess(upstream.url, "/dev/full");
    for (let i = 0; i < 5; i++) await complete(tap.url);
    await eventually("the failure is told", () => tap.said().includes("ENOSPC"));
    expect(await tap.stop()).toBe(1);
    expect(tap.said().match(/ENOSPC/g)).toHaveLength(1);
    expect(tap.said()).toContain("tap: 0 records in /dev/full; 5 records LOST");
  });

  it("whose folder is deleted while it records ends with exit code 1", async () => {
    const upstream = await fakeUpstream();
    const folder = scratchFile("captures");
    mkdirSync(folder);
    const tap = await tapProcess(upstream.url, `${folder}/tap.jsonl`);
    await complete(tap.url);
    rmSync(folder, { recursive: true });
    await complete(tap.url);
    expect(await tap.stop()).toBe(1);
    expect(tap.said()).toContain("was deleted while it was recorded");
    expect(tap.said()).toContain("2 records LOST");
  });

  it("goes on when nobody reads what it says, and ends its file at SIGHUP", async () => {
    const upstream = await fakeUpstream();
    const traceOut = scratchFile("tap.jsonl");
    const tap = await tapProcess(upstream.url, traceOut);
    tap.child.stderr?.destroy();
    await request(`${tap.url}/v1/unknown`, { method: "POST", body: "{}" }).then(({ body }) => body.dump());
    await complete(tap.url);
    await complete(tap.url);
    expect(await tap.stop("SIGHUP")).toBe(0);
    const { records, warnings } = await readTrace(traceOut);
    expect(records).toHaveLength(2);
    expect(warnings.map(({ reason }) => reason)).toEqual([
      "requests passed unrecorded while it was captured: 1 POST /v1/unknown is of no API that is recorded",
    ]);
  });

  it("counts what it does not record by reason, while it runs and at the end", async () => {
    const { url } = await httpServer((incoming, response) => {
      incoming.resume();
      incoming.on("end", () => response.writeHead(200).end("{}"));
    });
    const traceOut = scratchFile("tap.jsonl");
    const tap = await tapProcess(url, traceOut);
    const bombs = {
      values: gzipSync(`{"model":"m","prompt":[${'"a",'.repeat(4_000_000)}"a"]}`),
      zeros: gzipSync(Buffer.alloc(400 * 2 ** 20)),
      deep: gzipSync("[".repeat(1_000_000)),
    };
    for (const body of Object.values(bombs))
      for (let i = 0; i < 2; i++) {
        const headers = { "content-encoding": "gzip" };
        const answer = await request(`${tap.url}/v1/completions`, { method: "POST", headers, body });
        expect(answer.statusCode).toBe(200);
        await answer.body.dump();
      }
    expect(await tap.stop()).toBe(0);
    expect(tap.said().match(/a request passed unrecorded/g)).toHaveLength(3);
    expect(tap.said()).toMatch(/6 requests unrecorded \(2: .*; 2: .*; 2: .*\)/);
    expect(tap.said()).toContain("2: a body of more than 32 MiB after decompression");
    expect(tap.said()).toContain("2: a body that is nested too deep");
    expect(tap.said()).toContain("2: a body whose values would take more than 96 MiB of memory");
  });
});
