import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type LoadgenOptions, loadgenOptions } from "../../../lib/capture/loadgen/index.js";
import { type FakeServer, type FakeServerOptions, startFakeServer } from "./fake-server.js";

let server: FakeServer | undefined;
/** A folder of the running test's own. */
export let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "prefixlab-loadgen-"));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(scratch, { recursive: true });
});

/** Starts a server that ends with the test. */
export async function start(options: FakeServerOptions = {}): Promise<FakeServer> {
  server = await startFakeServer(options);
  return server;
}

/** Options of a small run against it. */
export function optionsFor(url: string, given: Partial<LoadgenOptions>): LoadgenOptions {
  return loadgenOptions({ url, model: "fake", promptTokens: 40, outputTokens: 5, warmup: 0, ...given });
}
