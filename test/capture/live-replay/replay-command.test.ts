import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { type LoadgenOptions, loadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { alignTraces } from "../../../lib/judge/index.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import { lines, row } from "../../cli/rows.js";
import { startFakeServer } from "../loadgen/fake-server.js";
import { afterTest, scratchFile } from "../scratch.js";

const main = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));

/** A capture of a fake server that then answers far more slowly, and `replay` of it against that server. */
async function captured(
  load: Partial<LoadgenOptions> = { pattern: "poisson", ratePerSecond: 100, sessions: 40 },
) {
  let isCaptured = false;
  const server = await startFakeServer({
    behave: () => ({ kind: "answer", firstMs: isCaptured ? 200 : 10 }),
  });
  afterTest(() => server.close());
  const traceOut = scratchFile("capture.jsonl");
  await runLoadgen(
    loadgenOptions({
      url: server.url,
      model: "fake",
      promptTokens: 40,
      outputTokens: 5,
      warmup: 0,
      ...load,
    }),
    { traceOut },
  );
  isCaptured = true;
  const run = (...flags: string[]) => replay([traceOut, "--url", server.url, ...flags]);
  return Object.assign(run, { traceOut });
}

function replay(args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, "replay", ...args], (_error, stdout, stderr) =>
      resolve({ status: child.exitCode as number, stdout, stderr }),
    );
  });
}

it("replay --url judges a replay of the capture as it was, and no what-if", async () => {
  const run = await captured();
  const same = await run("--json");
  expect(JSON.parse(same.stdout)).toMatchObject({ verdict: "fail" });
  expect(same.status).toBe(1);
  for (const flags of [["--cold-prompts"], ["--rate-scale", "2"]]) {
    const whatIf = await run("--json", ...flags);
    expect(JSON.parse(whatIf.stdout), flags.join(" ")).toMatchObject({ requests: 40, verdict: "none" });
    expect(whatIf.status, flags.join(" ")).toBe(0);
  }
  const report = await run("--cold-prompts", "--rate-scale", "2");
  expect(report.stdout).toContain("nothing is judged");
  expect(report.status).toBe(0);
});

it("replay --url names the sessions as its trace does, so that the capture is known for one of the same requests", async () => {
  const run = await captured({
    pattern: "multiturn",
    ratePerSecond: 100,
    sessions: 4,
    turns: 3,
    prefixTokens: 40,
  });
  const out = scratchFile("live.jsonl");
  await run("--rate-scale", "2", "--dump-trace", out);
  const [plan, live] = await Promise.all([readTrace(run.traceOut), readTrace(out)]);
  expect(plan.records.every(({ session }) => session !== undefined)).toBe(true);
  expect(alignTraces(plan, live)).toBeDefined();
});

it("replay --url refuses flags of the simulated engine, by name, before it sends anything", async () => {
  const run = await captured();
  const refused = await run("--seeds", "3", "--profile", "h200-qwen3-8b", "--kv-cache-size", "100");
  expect(refused.stderr).toContain("--seeds, --profile, --kv-cache-size are for the simulated engine");
  expect(refused.status).toBe(2);
  for (const flags of [
    ["--against", "x.jsonl"],
    ["--latency-trace", "x.jsonl"],
    ["--latency-model", "x.json"],
    ["--latency-kind", "physical"],
    ["--block-size", "16"],
    ["--max-num-seqs", "4"],
    ["--max-num-batched-tokens", "512"],
    ["--long-prefill-token-threshold", "64"],
    ["--no-enable-prefix-caching"],
    ["--prefix-reuse", "slots"],
  ]) {
    const { status, stderr } = await run(...flags);
    expect(stderr).toContain(`${flags[0]} is for the simulated engine`);
    expect(status).toBe(2);
  }
});

it("replay --url says where the capture looks like a closed loop and does not tell", async () => {
  const server = await startFakeServer();
  afterTest(() => server.close());
  const path = scratchFile("one-at-a-time.jsonl");
  const rows = Array.from({ length: 30 }, (_, i) => row({ arrival_ms: i * 30.5, block_hashes: undefined }));
  writeFileSync(path, lines(...rows));
  const looksLike = /an open loop, though the capture looks like 1 at a time/;
  expect((await replay([path, "--url", server.url])).stdout).toMatch(looksLike);
  expect((await replay([path, "--url", server.url, "--open-loop"])).stdout).not.toMatch(looksLike);
});

it("replay --url, given twice, routes between the servers and prints a row each", async () => {
  const run = await captured();
  const other = await startFakeServer();
  afterTest(() => other.close());
  const dump = scratchFile("fleet.jsonl");
  const { stdout, status } = await run(
    "--url",
    other.url,
    "--router",
    "sticky",
    "--json",
    "--dump-trace",
    dump,
  );
  expect(status).toBe(0);
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({
    verdict: "none",
    replica_count: 2,
    router: "sticky",
    replicas: [
      { replica: 0, failed: 0 },
      { replica: 1, failed: 0, url: other.url },
    ],
  });
  const requests = document.replicas.map((row: { requests: number }) => row.requests);
  const written = readFileSync(dump, "utf8").trim().split("\n").slice(1);
  const replicas = written.map((line) => JSON.parse(line).replica);
  expect([0, 1].map((k) => replicas.filter((replica) => replica === String(k)).length)).toEqual(requests);
  const report = (await run("--url", other.url)).stdout;
  expect(report).toContain("servers: 2, router round-robin");
  expect(report).toMatch(new RegExp(`1  ${other.url} +20 +0 `));
});

it("replay --url refuses routers that it cannot run, and servers that are down or given twice", async () => {
  const run = await captured();
  const down = await startFakeServer();
  await down.close();
  for (const [flags, why] of [
    [["--router", "nearest"], /no router "nearest"/],
    [
      ["--router", "data-parallel"],
      /looks at the engines' own load, which a client of real servers does not see/,
    ],
    [["--router", "precise-prefix"], /does not see/],
    [["--url", down.url], new RegExp(down.url)],
    [["--url", "http://127.0.0.1:1", "--url", "http://127.0.0.1:1/"], /given twice/],
    [["--replicas", "2"], /--replicas is for the simulated engine/],
  ] as const) {
    const { status, stderr } = await run(...flags);
    expect(stderr).toMatch(why);
    expect(status).toBe(2);
  }
});
