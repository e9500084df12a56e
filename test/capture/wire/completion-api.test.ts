import { describe, expect, it } from "vitest";
import { completionEndpoint } from "../../../lib/capture/wire/index.js";

describe("the API of a request", () => {
  it.each([
    ["/v1/chat/completions", { api: "chat" }],
    ["/chat/completions", { api: "chat" }],
    ["/v1/chat/completions/?x=1", { api: "chat" }],
    ["//v1//chat/completions", { api: "chat" }],
    ["http://127.0.0.1:8000/v1/chat/completions", { api: "chat" }],
    ["/api/v1/chat/completions", { api: "chat" }],
    ["/serve/openai/v1/chat/completions", { api: "chat" }],
    ["/api/chat/completions", { api: "chat" }],
    ["/v1beta/openai/chat/completions", { api: "chat" }],
    ["/openai/deployments/d/chat/completions?api-version=2024-10-21", { api: "chat", model: "d" }],
    ["/openai/deployments/d/completions?api-version=2024-10-21", { api: "completions", model: "d" }],
    ["/serving-endpoints/m/invocations", { api: "chat" }],
    ["/v1/completions", { api: "completions" }],
    ["/completions", { api: "completions" }],
    ["/v1/responses", { api: "responses" }],
    ["/openai/v1/responses?api-version=preview", { api: "responses" }],
    ["/backend-api/codex/responses", { api: "responses" }],
    ["/v1/messages", { api: "messages" }],
    ["/v1/messages?beta=true", { api: "messages" }],
    ["/proxy/anthropic/v1/messages", { api: "messages" }],
    [
      "/v1beta/models/gemini-2.5-pro:generateContent",
      { api: "gemini", model: "gemini-2.5-pro", isStreamed: false },
    ],
    [
      "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
      { api: "gemini", model: "gemini-2.5-pro", isStreamed: true },
    ],
    [
      "/v1/projects/p/locations/l/publishers/anthropic/models/claude:streamRawPredict",
      { api: "messages", model: "claude" },
    ],
    ["/api/chat", { api: "ollama-chat" }],
    ["/api/generate", { api: "ollama-generate" }],
  ])("%s", (target, endpoint) => {
    expect(completionEndpoint(target)).toEqual(endpoint);
  });

  it.each([
    "/v1/embeddings",
    "/v1/models",
    "/v1/messages/count_tokens",
    "/v1/messages/batches",
    "/v1/responses/resp_1/cancel",
    "/v1/responses/resp_1",
    "/v1/responses/input_tokens",
    "/v1/chat/completions/chatcmpl-1",
    "/v1/chat/completions/render",
    "/v1/threads/thread_1/messages",
    "/v1beta/models/gemini-2.5-pro:countTokens",
    "/v1beta/models/text-embedding-004:embedContent",
    "/v1/projects/p/publishers/google/models/imagen:predict",
    "/api/show",
    "/tokenize",
    "/",
  ])("%s is no completion", (target) => {
    expect(completionEndpoint(target)).toBeUndefined();
  });
});
