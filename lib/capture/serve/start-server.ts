import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyError, type FastifyInstance } from "fastify";
import { type Blocks, InputError, type Ms, type Tokens, WorkError } from "../../base/index.js";
import type { EngineOptions } from "../../engine/index.js";
import { sessionName } from "../wire/index.js";
import { chatFormat, completionFormat, messagesFormat, responsesFormat } from "./answer-format.js";
import { ApiError, errorBody, messagesErrorBody } from "./api-error.js";
import { completionParams, detokenizeParams, tokenizeParams } from "./completion-params.js";
import { ContentIds } from "./content-ids.js";
import type { ServedEngine } from "./generate.js";
import { metricsPage } from "./metrics-page.js";
import { sendAnswer } from "./send-answer.js";
import { type CheckedServeOptions, type ServeOptions, serveOptions } from "./serve-options.js";
import { ServedFleet } from "./served-fleet.js";

/** A running server. */
export interface EngineServer {
  /** Where it listens. */
  readonly url: string;
  readonly modelName: string;
  /** Settings of the engine inside, or of each. */
  readonly engine: EngineOptions;
  /** What the engine holds at this moment, or all of them together. */
  readonly load: { readonly running: number; readonly waiting: number; readonly usedBlocks: Blocks };
  /** Takes no new requests, gives those under way `graceMs` to end, then cuts them. */
  close(graceMs?: Ms): Promise<void>;
}

const version = (
  JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string }
).version;

/**
 * Serves the simulated engine, or several equal ones behind a router, behind OpenAI's APIs and Anthropic's messages, by the wall clock. It has vLLM's scheduler and prefix
 * cache, and its step times are the latency model's; its answers are meaningless, deterministic text, one byte a
 * token.
 * @throws InputError for a wrong setting; WorkError when it cannot listen
 */
export async function startServer(given: ServeOptions): Promise<EngineServer> {
  const checked = serveOptions(given);
  const fleet = new ServedFleet(checked);
  const options = { ...checked, maxModelTokens: maxModelTokens(checked, fleet.requestCapacityBlocks) };
  const served: ServedEngine = {
    fleet,
    contents: new ContentIds({
      blockSize: options.engine.blockSize,
      // What routers remember outlives the pools: an id that is used again soon would be taken for what it was.
      poolBlocks: options.engine.kvCacheBlocks * (options.replicas === 1 ? 1 : 4 * options.replicas),
      isPooled: (id) => fleet.holds(id),
    }),
    seed: options.seed,
    maxQueue: options.maxQueue,
    maxModelTokens: options.maxModelTokens,
  };

  const app = httpServer(options);
  addRoutes(app, options, served);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new WorkError(`serve: cannot listen on ${options.host}:${options.port} (${code ?? message})`);
  }
  const address = app.server.address() as AddressInfo;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${host}:${address.port}`,
    modelName: options.modelName,
    engine: options.engine,
    get load() {
      return fleet.load;
    },
    async close(graceMs = 5_000) {
      // A connection that served a request until just now is kept alive by its client: it becomes idle only then.
      const sweep = setInterval(() => app.server.closeIdleConnections(), 20);
      const cut = setTimeout(() => app.server.closeAllConnections(), graceMs);
      await app.close();
      clearInterval(sweep);
      clearTimeout(cut);
      fleet.stop();
    },
  };
}

/**
 * The longest prompt and answer that the engine can ever run: one that needs more blocks would wait for ever.
 * @param capacityBlocks blocks that one request may hold: the whole pool, or its share of it
 * @throws InputError when that is too few for a prompt and an answer
 */
function maxModelTokens({ engine, maxModelTokens }: CheckedServeOptions, capacityBlocks: Blocks): Tokens {
  const capacityTokens = capacityBlocks * engine.blockSize;
  if (capacityTokens < 2)
    throw new InputError(
      `serve: kvCacheBlocks ${engine.kvCacheBlocks} leaves ${capacityTokens} tokens to each of maxNumSeqs ${engine.maxNumSeqs} requests, a prompt and its answer need 2: raise kvCacheBlocks or lower maxNumSeqs`,
    );
  return Math.min(maxModelTokens, capacityTokens);
}

function httpServer(options: CheckedServeOptions): FastifyInstance {
  const app = Fastify({
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.requestTimeoutMs,
    // Node looks for requests over their time every 30 s unless told otherwise.
    http: {
      connectionsCheckingInterval: Math.min(options.requestTimeoutMs, 5_000),
      // Node takes the longer of this and `requestTimeout` for the body.
      headersTimeout: Math.min(options.requestTimeoutMs, 60_000),
      requestTimeout: options.requestTimeoutMs,
    },
    keepAliveTimeout: 75_000,
    forceCloseConnections: "idle",
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body as Buffer)));
    } catch (error) {
      const what = error instanceof SyntaxError ? `JSON (${error.message})` : "UTF-8";
      done(new ApiError(400, `the body is not valid ${what}`), undefined);
    }
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorBody(404, `there is no ${request.method} ${request.url.slice(0, 100)}`)),
  );
  app.setErrorHandler((error: FastifyError | ApiError, request, reply) => {
    const status = error instanceof ApiError ? error.status : (error.statusCode ?? 500);
    if (status === 503) reply.header("retry-after", "1");
    const param = error instanceof ApiError ? error.param : undefined;
    const isMessages = request.url.startsWith("/v1/messages");
    reply
      .code(status)
      .send(isMessages ? messagesErrorBody(status, error.message) : errorBody(status, error.message, param));
  });
  return app;
}

function addRoutes(app: FastifyInstance, options: CheckedServeOptions, served: ServedEngine): void {
  const { modelName, maxModelTokens } = options;
  const createdS = Math.floor(Date.now() / 1000);

  for (const [path, kind, makeFormat] of [
    ["/v1/completions", "completions", completionFormat],
    ["/v1/chat/completions", "chat", chatFormat],
    ["/v1/responses", "responses", responsesFormat],
    ["/v1/messages", "messages", messagesFormat],
  ] as const)
    app.post(path, ({ headers, body }, reply) => {
      const params = completionParams(kind, body);
      const session = sessionName(headers, body)?.name;
      sendAnswer({ served, params, makeFormat, modelName, session, reply });
    });
  app.post("/v1/messages/count_tokens", (request) => {
    // What is counted has no limit of its own.
    const params = completionParams("messages", { max_tokens: 1, ...(request.body as object) });
    return { input_tokens: params.promptIds.length };
  });
  app.post("/tokenize", (request) => {
    const tokens = Array.from(tokenizeParams(request.body));
    return { count: tokens.length, max_model_len: maxModelTokens, tokens };
  });
  app.post("/detokenize", (request) => ({ prompt: detokenizeParams(request.body) }));
  app.get("/v1/models", () => ({
    object: "list",
    data: [
      {
        id: modelName,
        object: "model",
        created: createdS,
        owned_by: "prefixlab",
        max_model_len: maxModelTokens,
      },
    ],
  }));
  app.get("/health", (_request, reply) => reply.code(200).send());
  app.get("/version", () => ({ version: `prefixlab ${version}` }));
  app.get("/metrics", async (_request, reply) => {
    const registries = served.fleet.replicas.map(({ metrics }) => metrics.registry);
    reply.header("content-type", registries[0].contentType);
    return metricsPage(registries);
  });
}
