/**
 * The four APIs as a client sees them: how a turn of a conversation is asked for, and what an answer says. Written apart
 * from the library, which is what is being checked.
 *
 * A conversation is `{id, system, turns: [{user, answer?}]}`; the last turn has no answer yet.
 */
const OUTPUT_TOKENS = 16;

/** Sizes of answers; servers that know other names for it pass over these. */
const limits = { max_tokens: OUTPUT_TOKENS, temperature: 0, ignore_eos: true };

export const APIS = {
  completions: {
    path: "/v1/completions",
    body: (model, conversation, stream) => ({
      model,
      prompt: conversationText(conversation),
      ...limits,
      ...streamFields(stream),
    }),
    read: readOpenAi,
  },
  chat: {
    path: "/v1/chat/completions",
    body: (model, conversation, stream) => ({
      model,
      messages: [{ role: "system", content: conversation.system }, ...turnMessages(conversation)],
      ...limits,
      ...streamFields(stream),
    }),
    read: readOpenAi,
  },
  "chat with tools": {
    path: "/v1/chat/completions",
    body: (model, conversation, stream) => ({
      ...APIS.chat.body(model, conversation, stream),
      tools: [
        {
          type: "function",
          function: {
            name: "find_page",
            description: "Finds a page of the town's archive",
            parameters: { type: "object", properties: { year: { type: "string" } }, required: ["year"] },
          },
        },
      ],
    }),
    read: readOpenAi,
  },
  responses: {
    path: "/v1/responses",
    body: (model, conversation, stream) => ({
      model,
      instructions: conversation.system,
      input: turnItems(conversation),
      max_output_tokens: OUTPUT_TOKENS,
      temperature: 0,
      ...(stream && { stream: true }),
    }),
    read: readResponses,
  },
  "continued responses": {
    path: "/v1/responses",
    /** The server holds the conversation: only the new turn is sent. */
    body: (model, conversation, stream) => ({
      model,
      instructions: conversation.system,
      input: conversation.turns.at(-1).user,
      ...(conversation.lastId && { previous_response_id: conversation.lastId }),
      store: true,
      max_output_tokens: OUTPUT_TOKENS,
      temperature: 0,
      ...(stream && { stream: true }),
    }),
    read: readResponses,
    isHeldByServer: true,
  },
  messages: {
    path: "/v1/messages",
    body: (model, conversation, stream) => ({
      model,
      system: [{ type: "text", text: conversation.system, cache_control: { type: "ephemeral" } }],
      messages: turnMessages(conversation),
      max_tokens: OUTPUT_TOKENS,
      temperature: 0,
      ...(stream && { stream: true }),
    }),
    read: readMessages,
  },
};

/**
 * How a client says which conversation a request belongs to.
 * @returns {{headers: object, fields: object}}
 */
export function identity(apiName, conversation) {
  if (APIS[apiName].isHeldByServer) return { headers: {}, fields: {} };
  if (apiName === "messages")
    return { headers: {}, fields: { metadata: { user_id: `user_1_account__session_${conversation.id}` } } };
  if (apiName === "responses") return { headers: {}, fields: { prompt_cache_key: conversation.id } };
  return { headers: { "x-session-id": conversation.id }, fields: {} };
}

function streamFields(stream) {
  if (!stream) return {};
  return { stream: true, ...(stream === "usage" && { stream_options: { include_usage: true } }) };
}

function conversationText({ system, turns }) {
  return system + turns.map(({ user, answer }) => `\nUser: ${user}\nHelper:${answer ?? ""}`).join("");
}

function turnMessages({ turns }) {
  return turns.flatMap(({ user, answer }) => [
    { role: "user", content: user },
    ...(answer === undefined ? [] : [{ role: "assistant", content: answer }]),
  ]);
}

/** The same as items of a response, an answer as the server gave it. */
function turnItems(conversation) {
  return turnMessages(conversation).map(({ role, content }, i) =>
    role === "user"
      ? { role, content }
      : {
          type: "message",
          id: `msg_${conversation.id.slice(-12)}_${i}`,
          role,
          status: "completed",
          content: [{ type: "output_text", text: content, annotations: [] }],
        },
  );
}

/** Takes what an object of an OpenAI completion or chat says into `seen`, true when it holds a token. */
function readOpenAi(object, seen) {
  const { usage } = object;
  if (usage) {
    seen.promptTokens = usage.prompt_tokens ?? seen.promptTokens;
    seen.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? seen.cachedTokens;
    seen.outputTokens = usage.completion_tokens ?? seen.outputTokens;
  }
  const choice = object.choices?.[0];
  const part = choice?.delta ?? choice?.message;
  const text = choice?.text ?? part?.content ?? "";
  seen.text += text;
  const other = part?.reasoning || part?.reasoning_content || part?.tool_calls?.length;
  return Boolean(text || other);
}

function readResponses(object, seen) {
  const response = object.object === "response" ? object : object.response;
  if (response?.id) seen.id = response.id;
  const usage = response?.usage;
  if (usage) {
    seen.promptTokens = usage.input_tokens;
    seen.cachedTokens = usage.input_tokens_details?.cached_tokens;
    seen.outputTokens = usage.output_tokens;
  }
  if (object.object === "response") {
    for (const item of object.output ?? [])
      for (const part of item.content ?? []) if (part.type === "output_text") seen.text += part.text;
    return true;
  }
  if (!object.type?.endsWith(".delta") || !object.delta) return false;
  if (object.type === "response.output_text.delta") seen.text += object.delta;
  return true;
}

/** `input_tokens` leaves out what was read from the cache or written to it; a later count replaces an earlier one. */
function readMessages(object, seen) {
  const usage = object.usage ?? object.message?.usage;
  if (usage) {
    seen.anthropic = { ...seen.anthropic, ...usage };
    const {
      input_tokens: fresh,
      cache_read_input_tokens: read,
      cache_creation_input_tokens: written,
    } = seen.anthropic;
    seen.promptTokens = fresh + (read ?? 0) + (written ?? 0);
    seen.cachedTokens = read;
    seen.outputTokens = seen.anthropic.output_tokens;
  }
  if (object.type === "message") {
    for (const part of object.content ?? []) seen.text += part.text ?? "";
    return true;
  }
  const { delta } = object;
  if (object.type !== "content_block_delta" || !delta) return false;
  seen.text += delta.text ?? "";
  return Boolean(delta.text || delta.thinking || delta.partial_json);
}
