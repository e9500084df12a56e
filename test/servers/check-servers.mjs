// Real servers and real clients against the tap: each server's APIs, by plain HTTP and by SDKs, and the totals of other
// load generators. Servers, SDKs and tools that are not there are left out, and said.
//
//   VLLM_URL=http://127.0.0.1:8000 VLLM_MODEL=small SDK_DIR=... node test/servers/check-servers.mjs
//     [--only VLLM,LLAMA] [--apis chat,messages] [--without-tools] [--results FILE] [--out data/SERVERS.md]
//
// Servers: VLLM_, SGLANG_, LLAMA_, OLLAMA_, LITELLM_ with URL, MODEL, and at need COMMAND (started and ended here), KEY,
// VERSION, TAP_FLAGS (server-list.mjs). SDK_DIR: a folder in which npm installed `openai` and `@anthropic-ai/sdk`.
// VLLM_BENCH, AIPERF, GUIDELLM: the programs; TOKENIZER_DIR: the model's folder; they run against vLLM.
// --results keeps what was found in a file, by server, so that servers need not all be up at once: the table is of all in it.
//
// data/engine says how vLLM and llama.cpp are installed and started. A context of 8,192 tokens is enough. Flags that the checks
// make use of: vLLM `--enable-auto-tool-choice --tool-call-parser hermes --enable-scale-out` and
// VLLM_ENABLE_RESPONSES_API_STORE=1; SGLang `--enable-cache-report --enable-response-store --tool-call-parser hermes`. SGLang
// runs on a CPU with `--device cpu --attention-backend torch_native --sampling-backend pytorch` where an empty module stands in
// for its CUDA kernels (`sgl_kernel`); `go install github.com/ollama/ollama` takes llama.cpp's `vendor` folder as include path
// and a model from `ollama create`. Everything stays on this machine.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { APIS } from "./apis.mjs";
import { checkCell, speaks } from "./check-cell.mjs";
import { checkFailures } from "./check-failures.mjs";
import { checkLoadTool, LOAD_TOOLS, loadgenTool } from "./load-tools.mjs";
import { loadSdks, sdkOf } from "./sdk-client.mjs";
import { authorization, configuredServer, missingVariables, SERVERS, serverVersion } from "./server-list.mjs";
import { addUp, serversTable, shortened } from "./servers-table.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    apis: { type: "string" },
    "without-tools": { type: "boolean", default: false },
    results: { type: "string" },
    out: { type: "string" },
  },
});
const only = values.only?.split(",");
const apiNames = values.apis?.split(",") ?? Object.keys(APIS);
const sdks = await loadSdks();
if (!sdks?.openai || !sdks?.anthropic)
  console.log("skipped: the SDKs (SDK_DIR names no folder that has both openai and @anthropic-ai/sdk)");

const servers = [];
const tools = [];
for (const entry of SERVERS) {
  const server = configuredServer(entry);
  if (!server || (only && !only.includes(entry.prefix))) {
    console.log(`skipped: ${entry.name} (${server ? "--only" : `${missingVariables(entry)} is not set`})`);
    continue;
  }
  const stop = await startServer(server);
  try {
    const version = await serverVersion(server);
    const apis = {};
    for (const apiName of apiNames.filter((name) => name in APIS))
      apis[apiName] = await checkApi(server, apiName);
    const failures = values.apis ? undefined : await checkFailures(server);
    servers.push({ name: server.name, version, apis, failures, load: loadavg()[0] });
    if (values.apis || values["without-tools"]) continue;
    tools.push(...(await checkTools(server, server.prefix === "VLLM" ? LOAD_TOOLS : [])));
  } finally {
    await stop();
  }
}

const versions = {
  Node: process.versions.node,
  ...(sdks?.openai && { openai: sdks.openai.version }),
  ...(sdks?.anthropic && { "@anthropic-ai/sdk": sdks.anthropic.version }),
};
const results = withEarlier({
  date: new Date().toISOString().slice(0, 10),
  servers,
  tools,
  versions,
  cores: cpus().length,
});
const markdown = serversTable(results);
if (values.out) writeFileSync(values.out, markdown);
else console.log(`\n${markdown}`);

/** These results and, of a file of earlier ones, those of other servers; the file then holds both. */
function withEarlier(now) {
  if (!values.results) return now;
  const earlier = existsSync(values.results)
    ? JSON.parse(readFileSync(values.results, "utf8"))
    : { servers: [], tools: [] };
  const order = SERVERS.map(({ name }) => name);
  const merge = (old, fresh, sameAs) =>
    [...old.filter((row) => !fresh.some((other) => sameAs(row, other))), ...fresh].sort(
      (a, b) => order.indexOf(a.server ?? a.name) - order.indexOf(b.server ?? b.name),
    );
  const all = {
    ...now,
    servers: merge(earlier.servers, now.servers, (a, b) => a.name === b.name),
    tools: merge(earlier.tools, now.tools, (a, b) => a.server === b.server && a.name === b.name),
  };
  writeFileSync(values.results, JSON.stringify(all));
  return all;
}

/** All of one API: null when the server does not speak it. */
async function checkApi(server, apiName) {
  if (!(await speaks(server, apiName))) {
    console.log(`${server.name}, ${apiName}: not spoken`);
    return null;
  }
  const cells = [];
  for (const [client, stream, isNamed, how] of [
    ["raw", true, true, "HTTP, streamed"],
    ["raw", false, true, "HTTP, whole"],
    ["sdk", "usage", true, "SDK, streamed"],
    ["sdk", false, true, "SDK, whole"],
    ["raw", "usage", false, "HTTP, streamed, nameless"],
  ]) {
    if (client === "sdk" && !sdkOf(sdks, apiName)) continue;
    const cell = await checkCell({ server, apiName, client, stream, isNamed, sdks });
    console.log(
      `${server.name}, ${apiName}, ${how}: ${cell.wrong.length === 0 ? "right" : shortened(cell.wrong).join("; ")}`,
    );
    cells.push({ ...cell, how });
  }
  return addUp(cells);
}

/** Others' load generators as far as they are there, and our own by each API that it and the server speak. */
async function checkTools(server, others) {
  const isThere = (tool) => process.env[tool.variable] && process.env.TOKENIZER_DIR;
  for (const tool of others)
    if (!isThere(tool)) console.log(`skipped: ${tool.name} (${tool.variable} or TOKENIZER_DIR is not set)`);
  const own = ["completions", "chat", "responses", "messages"].map(loadgenTool);
  const results = [];
  for (const tool of [...others.filter(isThere), ...own]) {
    const result = await checkLoadTool(tool, server);
    console.log(
      `${server.name}, ${tool.name}: ${JSON.stringify({ own: result.own, traced: result.traced })} ${result.problem ?? ""}`,
    );
    results.push({ server: server.name, name: tool.name, ...result });
  }
  return results;
}

/** Starts what the environment gives a command for; resolves, once it answers, to what ends it. */
async function startServer(server) {
  if (!server.command) return async () => {};
  const child = spawn("sh", ["-c", `exec ${server.command}`], { stdio: "ignore", detached: true });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${server.url}/v1/models`, { headers: authorization(server) }).catch(
      () => undefined,
    );
    if (answer?.ok) break;
    if (child.exitCode !== null) throw new Error(`${server.name}: its command ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return async () => {
    // The command's own children too: a server may have several processes.
    process.kill(-child.pid, "SIGTERM");
    await exited;
  };
}
