import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { APIS, identity } from "./apis.mjs";

/**
 * The SDKs `openai` and `@anthropic-ai/sdk` of the folder that `SDK_DIR` names, in which npm installed them.
 * @returns undefined where there are none
 */
export async function loadSdks(dir = process.env.SDK_DIR) {
  if (!dir) return undefined;
  const require = createRequire(join(dir, "package.json"));
  const load = async (name) => {
    try {
      const { default: Client } = await import(pathToFileURL(require.resolve(name)).href);
      const version = require(join(dir, "node_modules", name, "package.json")).version;
      return { Client, version };
    } catch {
      return undefined;
    }
  };
  return { openai: await load("openai"), anthropic: await load("@anthropic-ai/sdk") };
}

/** The SDK that speaks an API, undefined where it is not installed. */
export function sdkOf(sdks, apiName) {
  return apiName === "messages" ? sdks?.anthropic : sdks?.openai;
}

/** One turn through an SDK; times as its user sees them, from the call to the first event with a token. */
export async function sdkTurn({ sdks, base, server, apiName, conversation, stream, isIdentified }) {
  const { Client } = sdkOf(sdks, apiName);
  const { headers, fields } = isIdentified ? identity(apiName, conversation) : { headers: {}, fields: {} };
  const isAnthropic = apiName === "messages";
  const client = new Client({
    baseURL: isAnthropic ? base : `${base}/v1`,
    apiKey: server.key ?? "none",
    maxRetries: 0,
  });
  const body = { ...APIS[apiName].body(server.model, conversation, stream), ...fields };
  const call = isAnthropic
    ? client.messages
    : apiName.includes("responses")
      ? client.responses
      : apiName === "completions"
        ? client.completions
        : client.chat.completions;
  const seen = { text: "", status: 200 };
  const startedAtMs = performance.now();
  try {
    const answer = await call.create(body, { headers });
    if (!stream) APIS[apiName].read(answer, seen);
    else
      for await (const event of answer)
        if (APIS[apiName].read(event, seen)) seen.ttftMs ??= performance.now() - startedAtMs;
  } catch (error) {
    seen.status = error.status ?? 0;
    seen.error = String(error.message).slice(0, 200);
  }
  return seen;
}
