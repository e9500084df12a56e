import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { LoadSummary } from "../../../lib/capture/index.js";
import { type FakeServerOptions, startFakeServer } from "../../capture/loadgen/fake-server.js";
import { afterTest, httpServer, scratchFile } from "../../capture/scratch.js";
import { fromRoot } from "../run-cli.js";

/** Runs the compiled command beside this process, which serves it. */
function loadgen(args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [fromRoot("dist", "cli", "main.js"), "loadgen", "--warmup", "0", ...args],
      { env: { ...process.env, OPENAI_API_KEY: "", ANTHROPIC_API_KEY: "", ...env } },
      (error, stdout, stderr) => resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

async function fake(options: FakeServerOptions = {}) {
  const server = await startFakeServer(options);
  afterTest(() => server.close());
  return server;
}

const burst = ["--model", "fake", "--pattern", "burst", "--burst-size", "8", "--duration", "0.01"];
const small = ["--prompt-tokens", "40", "--output-tokens", "5"];

describe("prefixlab loadgen", () => {
  it("shows beside each quantile of how many it is, and the complete alone where some failed", async () => {
    const { url } = await fake({
      behave: (n) => (n % 4 === 3 ? { kind: "silence" } : { kind: "answer" }),
    });
    const flags = ["--url", url, ...burst, ...small, "--timeout", "2"];
    const { status, stdout, stderr } = await loadgen(flags);
    expect(status).toBe(0);
    expect(stdout).toMatch(/n censored TTFT p50/);
    expect(stdout).toMatch(/all +8 +2 +\d+\.\d +> seen +> seen/);
    expect(stdout).toMatch(/complete alone +6 +0 +\d+\.\d +\d+\.\d +\d+\.\d/);
    expect(stderr).toContain("Kaplan-Meier's of 8 requests, of which 2 had no first token");
    expect(stderr).toContain(
      "2 of 8 requests failed: timeout (the first: no complete answer within 2000 ms)",
    );
  });

  it("prints one JSON document, with the same", async () => {
    const { url } = await fake({
      behave: (n) => (n % 4 === 3 ? { kind: "status", status: 503, message: "full" } : { kind: "answer" }),
    });
    const { status, stdout } = await loadgen(["--url", url, ...burst, ...small, "--json"]);
    expect(status).toBe(0);
    const summary = JSON.parse(stdout) as LoadSummary;
    expect(summary).toMatchObject({ requests: 8, completed: 6, failed: { error: 2 } });
    expect(summary.cohorts.all).toMatchObject({ n: 8, events: 6, censored: 2, survivors: { n: 6 } });
  });

  it("exits with 1 where nothing was complete, with 2 where the server does not serve the model", async () => {
    const { url } = await fake({ behave: () => ({ kind: "status", status: 503, message: "full" }) });
    expect((await loadgen(["--url", url, ...burst, ...small])).status).toBe(1);
    const { url: none } = await httpServer((_request, response) => void response.writeHead(404).end());
    const refused = await loadgen(["--url", none, ...burst, ...small]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("url must be the address before /v1");
  });

  it("sends a file of conversations again", async () => {
    const { url, received } = await fake();
    const file = scratchFile("c.jsonl");
    writeFileSync(
      file,
      JSON.stringify({
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
          { role: "user", content: "c" },
        ],
      }),
    );
    const flags = [
      "--url",
      url,
      "--model",
      "fake",
      "--pattern",
      "conversations",
      "--endpoint",
      "chat",
      "--rate",
      "50",
    ];
    const { status } = await loadgen([
      ...flags,
      "--conversations",
      file,
      "--answers",
      "recorded",
      "--output-tokens",
      "5",
    ]);
    expect(status).toBe(0);
    expect(received.map(({ body }) => (body.messages as unknown[]).length)).toEqual([1, 3]);
    const without = await loadgen(flags);
    expect(without.status).toBe(2);
    expect(without.stderr).toContain("give --pattern conversations --conversations FILE");
  });

  it("takes the key of the API that it drives", async () => {
    const keys: unknown[] = [];
    const { url } = await httpServer((request, response) => {
      if (request.method === "POST") keys.push(request.headers.authorization, request.headers["x-api-key"]);
      response.writeHead(401).end('{"error":{"message":"no"}}');
    });
    const env = { OPENAI_API_KEY: "open", ANTHROPIC_API_KEY: "anthropic" };
    const flags = ["--url", url, ...burst, ...small];
    const { stderr } = await loadgen([...flags, "--endpoint", "messages"], env);
    await loadgen([...flags, "--endpoint", "responses"], env);
    await loadgen([...flags, "--endpoint", "messages"], { OPENAI_API_KEY: "open" });
    expect(keys).toEqual(["Bearer anthropic", "anthropic", "Bearer open", undefined, "Bearer open", "open"]);
    expect(stderr).not.toContain("Bearer");
  });
});
