import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { httpServer } from "../scratch.js";
import type { FakeServerOptions } from "./fake-server.js";
import { optionsFor, start } from "./loadgen-rig.js";

type Body = Readonly<Record<string, unknown>>;

describe("fields that a server refuses", () => {
  const few: Partial<LoadgenOptions> = { pattern: "burst", burstSize: 3, durationMs: 1, endpoint: "chat" };

  async function run(refuse: FakeServerOptions["refuse"], given: Partial<LoadgenOptions> = {}) {
    const { url, received } = await start({ vllm: false, ...(refuse && { refuse }) });
    const result = await runLoadgen(optionsFor(url, { ...few, ...given }));
    const fieldsSent = received.map(({ body }) => Object.keys(body).sort());
    return { ...result, received, fieldsSent, told: result.warnings.join("\n") };
  }

  const all = ["ignore_eos", "max_tokens", "messages", "model", "stream", "stream_options", "temperature"];
  const without = (...names: string[]) => all.filter((name) => !names.includes(name));

  it.each(["stream_options", "temperature", "ignore_eos"])(
    "are left out where they are named, and no other: %s",
    async (name) => {
      const { fieldsSent, trace, told } = await run((body) =>
        name in body
          ? { status: 400, says: { object: "error", message: `${name}: extra fields not permitted` } }
          : undefined,
      );
      expect(fieldsSent).toEqual(Array(3).fill(without(name)));
      expect(trace.records.every(isComplete)).toBe(true);
      expect(trace.meta.extra.refused_fields).toEqual([name]);
      expect(told).toContain(`the server refuses ${name} (HTTP 400: ${name}: extra fields not permitted)`);
    },
  );

  it("are left out one after the other where there are several", async () => {
    const { fieldsSent, trace } = await run((body) => {
      const name = ["temperature", "stream_options", "ignore_eos"].find((field) => field in body);
      return name
        ? { status: 422, says: { detail: [{ loc: ["body", name], msg: "Extra inputs are not permitted" }] } }
        : undefined;
    });
    expect(fieldsSent).toEqual(Array(3).fill(without("temperature", "stream_options", "ignore_eos")));
    expect(trace.records.every(isComplete)).toBe(true);
  });

  it.each([["stream_options"], ["temperature"], ["ignore_eos", "temperature"]])(
    "are found where the server names none, and those that it takes are sent: %s",
    async (...names) => {
      const { fieldsSent, trace } = await run((body) =>
        names.some((name) => name in body) ? { status: 400, says: "Bad Request" } : undefined,
      );
      expect(fieldsSent).toEqual(Array(3).fill(without(...names)));
      expect(trace.meta.extra.refused_fields).toEqual(expect.arrayContaining(names));
    },
  );

  it("are told in an answer with status 200 as well", async () => {
    const { fieldsSent } = await run((body) =>
      "ignore_eos" in body
        ? { status: 200, says: { object: "error", message: "ignore_eos is not supported", code: 40001 } }
        : undefined,
    );
    expect(fieldsSent).toEqual(Array(3).fill(without("ignore_eos")));
  });

  it("have another name: the limit of the output goes under it", async () => {
    const { fieldsSent, received, told } = await run((body) =>
      "max_tokens" in body
        ? {
            status: 400,
            says: {
              error: {
                message: "'max_tokens' is not supported, use 'max_completion_tokens'",
                param: "max_tokens",
              },
            },
          }
        : undefined,
    );
    expect(fieldsSent).toEqual(Array(3).fill([...without("max_tokens"), "max_completion_tokens"].sort()));
    expect(received.map(({ body }) => body.max_completion_tokens)).toEqual([5, 5, 5]);
    expect(told).toContain("sent as max_completion_tokens");
  });

  it("without usage: chunks are counted, lengths are expected ones, and the run says so", async () => {
    const { trace, told } = await run((body) =>
      "stream_options" in body
        ? { status: 400, says: "stream_options: extra fields not permitted" }
        : undefined,
    );
    for (const record of trace.records) {
      expect(record).toMatchObject({ outputTokens: 5, extra: { prompt_tokens_expected: true } });
      expect(record.promptTokens).toBeGreaterThan(0);
      expect(record.cachedTokens).toBeUndefined();
    }
    expect(told).toContain("nothing counts tokens");
  });

  it("in mid-run only: requests are sent again without them, and counted", async () => {
    const { trace, received, told } = await run(
      (body, n) =>
        n >= 2 && "temperature" in body
          ? { status: 400, says: "temperature is not allowed here" }
          : undefined,
      { pattern: "constant", concurrency: 2, durationMs: 300, burstSize: 1 },
    );
    expect(trace.records.length).toBeGreaterThan(2);
    expect(trace.records.every(isComplete)).toBe(true);
    expect(received.slice(4).every(({ body }: { body: Body }) => !("temperature" in body))).toBe(true);
    expect(told).toMatch(/[12] requests that were refused for such a field were sent again/);
  });

  it("never cost more than a few requests where nothing helps", async () => {
    let asked = 0;
    const refuse = () => {
      asked++;
      return { status: 400, says: "Bad Request" };
    };
    const { url } = await start({ vllm: false, refuse });
    await expect(runLoadgen(optionsFor(url, few))).rejects.toThrow(
      /does not serve fake: HTTP 400: Bad Request/,
    );
    expect(asked).toBeLessThan(15);
  });

  it("are passed over by some: an answer that ends early is told", async () => {
    const { url } = await start({ vllm: false, behave: () => ({ kind: "answer", claimsTokens: 3 }) });
    const told = async (ignoreEos: boolean) =>
      (await runLoadgen(optionsFor(url, { ...few, ignoreEos }))).warnings.join("\n");
    expect(await told(true)).toContain(
      "3 answers are shorter than was asked for: the server passes over ignore_eos",
    );
    expect(await told(false)).not.toContain("shorter");
  });

  it("are not the length of the output, where that is only too small or too large", async () => {
    const { received, trace } = await run((body) =>
      Number(body.max_tokens) < 4
        ? { status: 400, says: { error: { message: "max_tokens must be at least 4", param: "max_tokens" } } }
        : undefined,
    );
    expect(received.map(({ body }) => body.max_tokens).slice(-3)).toEqual([5, 5, 5]);
    expect(trace.meta.extra).not.toHaveProperty("refused_fields");
  });
});

describe("a server that does not serve what is asked for", () => {
  const chat: Partial<LoadgenOptions> = { pattern: "burst", burstSize: 1, durationMs: 1, endpoint: "chat" };

  async function refused(status: number, says: string, paths: readonly string[] = [], endpoint = "chat") {
    const { url } = await httpServer((request, response) => {
      if (request.url === "/v1/models") return void response.end('{"data":[{"id":"small"},{"id":"fake"}]}');
      response.writeHead(paths.includes(request.url ?? "") ? 400 : status).end(says);
    });
    return runLoadgen(optionsFor(url, { ...chat, endpoint: endpoint as LoadgenOptions["endpoint"] })).then(
      () => "",
      (error: Error) => error.message,
    );
  }

  it.each([404, 405])("says which endpoints it answers (%i)", async (status) => {
    const message = await refused(status, "Not Found", ["/v1/completions", "/v1/messages"]);
    expect(message).toContain(`HTTP ${status}`);
    expect(message).toContain("POST /v1/chat/completions was asked for (endpoint chat)");
    expect(message).toContain("it answers endpoint completions, messages");
  });

  it("says what url must be where it answers none", async () => {
    expect(await refused(404, "Not Found")).toContain("url must be the address before /v1");
  });

  it("says where the server sends it", async () => {
    const { url } = await httpServer((_request, response) => {
      response.writeHead(308, { location: "https://elsewhere/v1" }).end();
    });
    await expect(runLoadgen(optionsFor(url, chat))).rejects.toThrow(
      /HTTP 308: moved to https:\/\/elsewhere\/v1: url must be the address that the server itself has/,
    );
  });

  it("asks for a key, by its name", async () => {
    expect(await refused(401, '{"error":{"message":"no key"}}')).toMatch(
      /HTTP 401: no key: .*OPENAI_API_KEY/,
    );
    expect(await refused(403, "no", [], "messages")).toContain("ANTHROPIC_API_KEY");
  });

  it("does not blame the path where the model is not there", async () => {
    expect(await refused(404, '{"error":"model fake not found"}', ["/v1/completions"])).not.toContain(
      "endpoint",
    );
  });

  it("names the models that it serves", async () => {
    const { url } = await httpServer((request, response) => {
      if (request.url === "/v1/models") return void response.end('{"data":[{"id":"small"}]}');
      response.writeHead(404).end('{"error":{"message":"The model `fake` does not exist"}}');
    });
    await expect(runLoadgen(optionsFor(url, chat))).rejects.toThrow(
      /The model `fake` does not exist: model must be one that it serves \(small\), got "fake"/,
    );
  });

  it("asks whether it is up where nobody listens", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    await expect(runLoadgen(optionsFor(`http://127.0.0.1:${port}`, chat))).rejects.toThrow(
      /does not serve fake: ECONNREFUSED.*is the server up/,
    );
  });
});
