import { describe, expect, it } from "vitest";
import { sessionName } from "../../../lib/capture/wire/index.js";

describe("the session that a client names", () => {
  it.each([
    ["x-session-id"],
    ["session-id"],
    ["session_id"],
    ["x-conversation-id"],
    ["conversation_id"],
    ["x-claude-code-session-id"],
    ["x-session-affinity"],
    ["x-opencode-session"],
    ["helicone-session-id"],
    ["x-litellm-session-id"],
    ["thread-id"],
    ["x-tfy-conversation-id"],
    ["x-correlation-id"],
  ])("is in the header %s", (source) => {
    expect(sessionName({ [source]: "s-1" }, {})).toEqual({ name: "s-1", source });
  });

  it.each([
    ["prompt_cache_key", { prompt_cache_key: "s-1" }],
    ["conversation", { conversation: "s-1" }],
    ["conversation", { conversation: { id: "s-1" } }],
    ["session_id", { session_id: "s-1" }],
    ["chat_id", { chat_id: "s-1" }],
    ["metadata.session_id", { metadata: { session_id: "s-1" } }],
    ["metadata.thread_id", { metadata: { thread_id: "s-1" } }],
    ["metadata.user_id", { metadata: { user_id: "user_8f_account__session_s-1" } }],
    [
      "metadata.user_id",
      { metadata: { user_id: '{"device_id":"d","account_uuid":"a","session_id":"s-1"}' } },
    ],
    ["litellm_session_id", { litellm_session_id: "s-1" }],
  ])("is in the body's %s", (source, body) => {
    expect(sessionName({}, body)).toEqual({ name: "s-1", source });
  });

  it("is no user, no connection of a tool protocol, no parent, and no empty name", () => {
    const headers = {
      "x-user-id": "u",
      "mcp-session-id": "m",
      "x-parent-session-id": "p",
      "x-session-id": " ",
    };
    const body = {
      user: "u",
      safety_identifier: "u",
      metadata: { user_id: "u" },
      session_id: "",
      chat_id: null,
    };
    expect(sessionName(headers, body)).toBeUndefined();
  });

  it("is the session of several names, whatever their order, and a header before the body", () => {
    const body = { prompt_cache_key: "k", metadata: { session_id: "m" } };
    const headers = { "x-correlation-id": "c", "thread-id": "t", conversation_id: "v", session_id: "s" };
    expect(sessionName(headers, body)?.name).toBe("s");
    expect(sessionName({ "x-correlation-id": "c" }, body)?.name).toBe("m");
    expect(sessionName({ "x-correlation-id": "c" }, { prompt_cache_key: "k" })?.name).toBe("k");
  });
});
