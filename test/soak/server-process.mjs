// The served engine, and a tap before it if asked, in a process of their own, so that their memory can be told from
// the clients'. Talks to its parent: {url} when it listens, and its state for every message it gets.

import { startServer, startTap } from "../../dist/capture/index.js";
import { latencyProfile } from "../../dist/index.js";

const { serve, tap: tapOptions } = JSON.parse(process.argv[2]);
const server = await startServer({ port: 0, latency: latencyProfile("h200-qwen3-8b"), ...serve });
const problems = [];
const tap =
  tapOptions &&
  (await startTap({
    host: "127.0.0.1",
    port: 0,
    upstream: server.url,
    ...tapOptions,
    onProblem: (message) => problems.push(message),
  }));

process.on("message", async (message) => {
  if (message === "close") {
    await tap?.close(1000);
    await server.close(1000);
    process.send({ closed: true });
    return;
  }
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  process.send({
    rss,
    heapUsed,
    load: server.load,
    records: tap?.recordCount,
    lost: tap?.lostCount,
    inFlight: tap?.inFlight,
    problems,
  });
});
process.on("disconnect", () => process.exit());
process.send({ url: tap?.url ?? server.url, serverUrl: server.url });
