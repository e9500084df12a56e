import { describe, expect, it } from "vitest";
import { ApiClient } from "../../../lib/capture/loadgen/api-client.js";
import { serverTokenizer } from "../../../lib/capture/loadgen/prompt-tokenizer.js";
import { afterTest, httpServer } from "../scratch.js";
import { codes } from "./fake-server.js";

type Body = Record<string, unknown>;

/** A server of one path to its answer; others are 404. */
async function tokenizerOf(paths: Readonly<Record<string, (body: Body) => unknown>>) {
  const asked: string[] = [];
  const { url } = await httpServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const path = request.url ?? "";
    asked.push(path);
    if (!paths[path]) return void response.writeHead(404).end();
    response.end(JSON.stringify(paths[path](JSON.parse(Buffer.concat(parts).toString()) as Body)));
  });
  const client = new ApiClient({ url, endpoint: "chat", timeoutMs: 10_000 });
  afterTest(() => client.close());
  return { tokenizer: serverTokenizer(client, "m"), asked };
}

const chat = { kind: "messages", messages: [{ role: "user", content: "hi" }] } as const;
const rendered = ({ messages }: Body) =>
  (messages as { role: string; content: string }[])
    .map(({ role, content }) => `<${role}>${content}`)
    .join("");

describe("serverTokenizer", () => {
  it("asks for a chat as it is where the server takes chats", async () => {
    const { tokenizer, asked } = await tokenizerOf({
      "/tokenize": (body) => ({ tokens: codes(body.messages ? rendered(body) : String(body.prompt)) }),
    });
    expect(await tokenizer.encode(chat, "yo")).toEqual(codes("<user>hi<assistant>yo"));
    expect(await tokenizer.encode({ kind: "text", text: "a" }, "b")).toEqual(codes("ab"));
    expect(asked).toEqual(["/tokenize", "/tokenize"]);
  });

  it("has a chat written by its template where the server tokenizes only text, with its first token", async () => {
    const { tokenizer, asked } = await tokenizerOf({
      "/tokenize": ({ content, add_special }) => ({
        tokens: content === undefined ? [] : [...(add_special ? [1] : []), ...codes(String(content))],
      }),
      "/apply-template": (body) => ({ prompt: rendered(body) }),
    });
    expect(await tokenizer.encode(chat)).toEqual([1, ...codes("<user>hi")]);
    expect(await tokenizer.encode(chat, "yo")).toEqual([1, ...codes("<user>hi<assistant>yo")]);
    // What the server cannot do is asked for once.
    expect(asked).toEqual(["/tokenize", "/apply-template", "/tokenize", "/apply-template", "/tokenize"]);
  });

  it("knows none where an empty list is all that comes", async () => {
    const { tokenizer } = await tokenizerOf({ "/tokenize": () => ({ tokens: [] }) });
    expect(await tokenizer.encode(chat)).toBeUndefined();
    expect(await tokenizer.encode(chat)).toBeUndefined();
  });
});
