// A paced upstream in a process of its own: like an engine, it has one clock, and at each step every stream gets one
// token. Each event carries the monotonic time at which it was written, so that a client can tell its way's length.
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

const STEP_MS = 10;
const streams = new Set();

function step() {
  for (const stream of streams) {
    const sentNs = process.hrtime.bigint();
    stream.response.write(
      `data: {"choices":[{"index":0,"text":"x","finish_reason":${stream.left === 1 ? '"length"' : "null"}}],"sent":"${sentNs}"}\n\n`,
    );
    if (--stream.left > 0) continue;
    streams.delete(stream);
    stream.response.end("data: [DONE]\n\n");
  }
}

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, async (request, response) => {
  if (!request.url.endsWith("/completions")) {
    request.resume();
    response.writeHead(404).end();
    return;
  }
  const { max_tokens: left } = await json(request);
  response.writeHead(200, { "content-type": "text/event-stream" });
  const stream = { response, left };
  streams.add(stream);
  response.on("close", () => streams.delete(stream));
});
setInterval(step, STEP_MS);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("disconnect", () => process.exit());
