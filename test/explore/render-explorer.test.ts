import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { renderExplorer } from "../../lib/explore/index.js";
import { pageBundle } from "../../lib/figure/display.js";
import { type Workload, workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import { BlockTable, type TraceRecord } from "../../lib/trace/index.js";
import { runCli } from "../cli/run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab-explorer-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const warm = workloadOf(await readTrace("data/warm-1.jsonl.gz"));

function workloadWith(records: readonly TraceRecord[]): Workload {
  return workloadOf({ meta: { extra: {} }, records, blocks: new BlockTable(), rejected: [], warnings: [] });
}

describe("the explorer's page", () => {
  const html = renderExplorer({ traces: [{ workload: warm, name: "<warm & 1>" }] });

  it("is one file, far below 8 MB, that names no address to be fetched", () => {
    console.log(`explorer of 320 requests: ${(html.length / 1e6).toFixed(2)} MB`);
    expect(html.length).toBeLessThan(2.5e6);
    const withoutScripts = html.replace(/<script[^>]*>[\s\S]*?<\/script>/g, "");
    expect(withoutScripts).not.toMatch(/(src|href)="(?!data:)/);
    expect(withoutScripts).toContain("&lt;warm &amp; 1>");
  });

  it("stands in a notebook's output as a frame", () => {
    const bundle = pageBundle({ html: '<p title="a">&</p>', text: "a page", heightPx: 10 });
    expect(bundle["text/html"]).toContain('srcdoc="<p title=&quot;a&quot;>&amp;</p>"');
    expect(bundle["text/plain"]).toBe("a page");
  });

  it("refuses what it cannot explore, and says what to do", () => {
    const row = { promptTokens: 10, outputTokens: 1 };
    const page = (records: readonly TraceRecord[]) => () =>
      renderExplorer({ traces: [{ workload: workloadWith(records), name: "mine" }] });
    expect(() => renderExplorer({ traces: [] })).toThrow(/at least one trace/);
    expect(page([])).toThrow(/mine has no requests/);
    expect(page([row])).toThrow(/mine has no arrival times/);
    const many = Array.from({ length: 60_001 }, (_, at) => ({ ...row, arrivalMs: at }));
    expect(page(many)).toThrow(/60001 requests.*prefixlab sample mine --share 0.999/);
  });

  it("says of a trace without hashes and latencies what cannot be shown", () => {
    const bare = workloadWith([{ promptTokens: 10, outputTokens: 1, arrivalMs: 0 }]);
    const text = renderExplorer({ traces: [{ workload: bare, name: "bare" }] });
    expect(text).toContain("The trace has no block hashes");
    expect(text).toContain("The trace has no first-token times");
  });
});

describe("explore", () => {
  it("writes the page, and says how large it is", () => {
    const out = join(dir, "page.html");
    const args = ["explore", "data/warm-1.jsonl.gz", "--profile", "h200-qwen3-8b", "--out", out];
    const { status, stdout } = runCli([...args, "--json"]);
    expect(status).toBe(0);
    const { bytes, requests } = JSON.parse(stdout) as { bytes: number; requests: number };
    expect(bytes).toBe(readFileSync(out).length);
    expect(requests).toBe(320);
  });

  it("refuses to write over a trace, and a trace that is not there", () => {
    const trace = "data/warm-1.jsonl.gz";
    expect(runCli(["explore", trace, "--out", trace]).status).toBe(2);
    const { status, stderr } = runCli(["explore", "nothing.jsonl", "--out", join(dir, "page.html")]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("nothing.jsonl")]);
  });
});
