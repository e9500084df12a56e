import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs after the test, last registered first. */
export function afterTest(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** A path in a directory that goes away after the test. */
export function scratchFile(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), "prefixlab-test-"));
  afterTest(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, name);
}

/** A plain HTTP server on a free loopback port, closed after the test. */
export async function httpServer(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterTest(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Waits until a condition holds; fails after twenty seconds, which even a busy machine does not need. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const startedAtMs = performance.now();
  do {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  } while (performance.now() - startedAtMs < 20_000);
  throw new Error(`did not happen within 20 s: ${what}`);
}
