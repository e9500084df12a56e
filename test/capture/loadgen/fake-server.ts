import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the fake does with one completion request. */
export type Behaviour =
  | {
      readonly kind: "answer";
      readonly firstMs?: number;
      readonly gapMs?: number;
      /** Nothing comes before this. */
      readonly after?: Promise<void>;
      /** Tells no token ids, asked or not. */
      readonly withoutIds?: boolean;
      /** Output tokens that the usage at the end claims. */
      readonly claimsTokens?: number;
    }
  | { readonly kind: "status"; readonly status: number; readonly message: string }
  | { readonly kind: "hang-up"; readonly afterTokens: number }
  | { readonly kind: "truncate"; readonly afterTokens: number }
  | { readonly kind: "stream-error"; readonly afterTokens: number }
  | { readonly kind: "silence" };

/** One completion request as the fake received it. */
export interface ReceivedRequest {
  readonly atMs: number;
  readonly path: string;
  readonly body: Record<string, unknown>;
  /** Prompt as character codes: one token a character, or the ids that were sent. */
  readonly promptIds: readonly number[];
}

export interface FakeServerOptions {
  /** Chooses what happens with the n-th measured request, from 0; probes of two tokens are always answered. */
  readonly behave?: (n: number) => Behaviour;
  /** Has /version, /tokenize and return_token_ids, as vLLM does. Default true. */
  readonly vllm?: boolean;
  /** Has /tokenize. Default: as `vllm`. */
  readonly tokenizes?: boolean;
  /** Has /props with that many slots, as llama.cpp does. */
  readonly slots?: number;
  /** Refuses the n-th request by its body, probes included: a status and an answer, as JSON or as text. */
  readonly refuse?: (
    body: Readonly<Record<string, unknown>>,
    n: number,
  ) => { readonly status: number; readonly says: unknown } | undefined;
}

export interface FakeServer {
  readonly url: string;
  readonly received: readonly ReceivedRequest[];
  close(): Promise<void>;
}

/** A small OpenAI-compatible server on loopback whose every token is one character. */
export async function startFakeServer(options: FakeServerOptions = {}): Promise<FakeServer> {
  const received: ReceivedRequest[] = [];
  const vllm = options.vllm ?? true;
  let posts = 0;
  const server = createServer(async (request, response) => {
    const atMs = performance.now();
    const body = await readJson(request);
    const path = request.url ?? "";
    if (vllm && path === "/version") return json(response, { version: "0.0.0-fake" });
    if (vllm && path === "/metrics")
      return void response.end(
        'vllm:cache_config_info{block_size="32",enable_prefix_caching="False",num_gpu_blocks="8192"} 1.0\n',
      );
    if (options.slots !== undefined && path === "/props")
      return json(response, { total_slots: options.slots, build_info: "b1-fake" });
    if (path === "/v1/models") return json(response, { data: [{ id: "fake", max_model_len: 100_000 }] });
    if ((options.tokenizes ?? vllm) && path === "/tokenize")
      return json(response, { tokens: codes(String(body.prompt)) });
    if (!path.endsWith("/completions")) return json(response, { error: { message: "no such path" } }, 404);
    const refusal = options.refuse?.(body, posts++);
    if (refusal) {
      response.writeHead(refusal.status);
      return void response.end(
        typeof refusal.says === "string" ? refusal.says : JSON.stringify(refusal.says),
      );
    }
    const promptIds = promptIdsOf(body);
    const probe = (body.max_tokens ?? body.max_completion_tokens) === 2;
    const behaviour = probe
      ? { kind: "answer" as const }
      : (options.behave?.(received.length) ?? { kind: "answer" });
    if (!probe) received.push({ atMs, path, body, promptIds });
    await answer(response, body, promptIds, behaviour, vllm);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  response: ServerResponse,
  body: Record<string, unknown>,
  promptIds: readonly number[],
  behaviour: Behaviour,
  vllm: boolean,
): Promise<void> {
  if (behaviour.kind === "silence") return;
  if (behaviour.kind === "status")
    return json(response, { error: { message: behaviour.message } }, behaviour.status);
  const {
    firstMs = 0,
    gapMs = 0,
    withoutIds = false,
    after,
    claimsTokens,
  } = behaviour.kind === "answer" ? behaviour : {};
  const total = Number(body.max_tokens ?? body.max_completion_tokens ?? 3);
  const cut = "afterTokens" in behaviour ? behaviour.afterTokens : total;
  const chat = "messages" in body;
  const withIds = vllm && body.return_token_ids === true && !withoutIds;
  await after;
  if (firstMs > 0) await sleep(firstMs);
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let k = 0; k < Math.min(cut, total); k++) {
    if (k > 0 && gapMs > 0) await sleep(gapMs);
    const text = answerCharacter(promptIds.length, k);
    const choice = {
      index: 0,
      ...(chat ? { delta: { content: text } } : { text }),
      finish_reason: k === total - 1 ? "length" : null,
      ...(withIds && { token_ids: codes(text), ...(k === 0 && { prompt_token_ids: promptIds }) }),
    };
    event(response, { choices: [choice] });
  }
  if (behaviour.kind === "hang-up") {
    await sleep(5);
    return void response.destroy();
  }
  if (behaviour.kind === "truncate") return void response.end();
  if (behaviour.kind === "stream-error") {
    event(response, { error: { message: "the engine died" } });
    return void response.end("data: [DONE]\n\n");
  }
  if ((body.stream_options as { include_usage?: boolean } | undefined)?.include_usage)
    event(response, {
      choices: [],
      usage: {
        prompt_tokens: promptIds.length,
        completion_tokens: claimsTokens ?? total,
        prompt_tokens_details: { cached_tokens: 16 },
      },
    });
  response.end("data: [DONE]\n\n");
}

/** The k-th character the fake answers to a prompt of this length. */
export function answerCharacter(promptLength: number, k: number): string {
  return String.fromCharCode(97 + ((promptLength + k) % 26));
}

/** Character codes: the fake's tokenizer. */
export function codes(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** Answers no measured request before so many of them, from the `from`-th on, are here; those before at once. */
export function answerTogether(count: number, from = 0): (n: number) => Behaviour {
  let release = () => {};
  const after = new Promise<void>((resolve) => {
    release = resolve;
  });
  return (n) => {
    if (n === from + count - 1) release();
    return n < from ? { kind: "answer" } : { kind: "answer", after };
  };
}

function promptIdsOf(body: Record<string, unknown>): readonly number[] {
  if (Array.isArray(body.prompt)) return body.prompt as number[];
  if (Array.isArray(body.messages))
    return codes((body.messages as { content: string }[]).map(({ content }) => content).join(""));
  return codes(String(body.prompt));
}

function event(response: ServerResponse, data: unknown): void {
  response.write(`data: ${JSON.stringify(data)}\n\n`);
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString("utf8");
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
