// A paced upstream in a process of its own: like an engine, it has one clock, and at each step every stream gets one
// token. Each event carries the monotonic time at which it was written, so that a client can tell its way's length.
import { createServer } from "node:http";

const STEP_MS = 10;
const streams = new Set();

function step() {
  for (const stream of streams) {
    const sentNs = process.hrtime.bigint();
    stream.response.write(
      `data: {"choices":[{"index":0,"text":"x","finish_reason":null}],"sent":"${sentNs}"}\n\n`,
    );
    if (--stream.left > 0) continue;
    streams.delete(stream);
    stream.response.end("data: [DONE]\n\n");
  }
}

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
  if (!request.url.includes("completions")) {
    request.resume();
    response.writeHead(404).end();
    return;
  }
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => {
    text += piece;
  });
  request.on("end", () => {
    const { max_tokens: left, prompt } = JSON.parse(text);
    if (!Array.isArray(prompt)) throw new Error("the benchmark sends token ids");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const stream = { response, left };
    streams.add(stream);
    response.on("close", () => streams.delete(stream));
  });
});
setInterval(step, STEP_MS);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("disconnect", () => process.exit());
