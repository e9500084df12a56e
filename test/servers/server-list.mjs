/**
 * The servers that can be checked. Each is there when its variables are: `VLLM_URL` (base address, without /v1) and
 * `VLLM_MODEL`; `VLLM_COMMAND` (stays in the foreground; started before the check, ended after it) instead of a running
 * server; `VLLM_KEY` where it wants one; `VLLM_TAP_FLAGS` are more flags for the tap before it.
 */
export const SERVERS = [
  { name: "vLLM", prefix: "VLLM", hasTokenIdPrompts: true },
  { name: "SGLang", prefix: "SGLANG", hasTokenIdPrompts: true },
  { name: "llama.cpp server", prefix: "LLAMA", hasTokenIdPrompts: true },
  { name: "Ollama", prefix: "OLLAMA", hasTokenIdPrompts: false },
  { name: "LiteLLM proxy", prefix: "LITELLM", hasTokenIdPrompts: false },
];

/** What the environment says of a server; undefined when it says nothing. */
export function configuredServer(server, env = process.env) {
  const url = env[`${server.prefix}_URL`];
  if (url === undefined) return undefined;
  return {
    ...server,
    url: url.replace(/\/+$/, ""),
    model: env[`${server.prefix}_MODEL`] ?? "small",
    command: env[`${server.prefix}_COMMAND`],
    key: env[`${server.prefix}_KEY`],
    tapFlags: (env[`${server.prefix}_TAP_FLAGS`] ?? "").split(" ").filter(Boolean),
    versionToldBy: env[`${server.prefix}_VERSION`],
  };
}

/** Names of the variables that would bring a server in. */
export function missingVariables(server) {
  return `${server.prefix}_URL`;
}

/** The version that a server tells of itself, or that the environment gives. */
export async function serverVersion(server) {
  if (server.versionToldBy) return server.versionToldBy;
  const ask = async (path) => {
    try {
      const answer = await fetch(`${server.url}${path}`, { headers: authorization(server) });
      return { json: answer.ok ? await answer.json() : undefined };
    } catch {
      return {};
    }
  };
  for (const path of ["/version", "/get_server_info", "/api/version"]) {
    const { json } = await ask(path);
    if (typeof json?.version === "string") return json.version;
  }
  const props = (await ask("/props")).json;
  if (typeof props?.build_info === "string") return props.build_info;
  const liteLlm = (await ask("/health/readiness")).json;
  return liteLlm?.litellm_version ?? "unknown";
}

/** Headers that a server's key goes in. */
export function authorization({ key }) {
  return key ? { authorization: `Bearer ${key}`, "x-api-key": key } : {};
}
