// An upstream in a process of its own that answers every completion with one token at each step of one clock.
import { createServer } from "node:http";

const STEP_MS = 10;
const streams = new Set();

function step() {
  for (const stream of streams) {
    stream.response.write(
      `data: {"choices":[{"index":0,"text":"x","finish_reason":${stream.left === 1 ? '"length"' : "null"}}]}\n\n`,
    );
    if (--stream.left > 0) continue;
    streams.delete(stream);
    stream.response.end("data: [DONE]\n\n");
  }
}

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    if (!request.url.endsWith("/completions")) return response.writeHead(404).end();
    const { max_tokens: left } = JSON.parse(Buffer.concat(parts).toString("utf8"));
    response.writeHead(200, { "content-type": "text/event-stream" });
    const stream = { response, left };
    streams.add(stream);
    response.on("close", () => streams.delete(stream));
  });
});
setInterval(step, STEP_MS);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("disconnect", () => process.exit());
