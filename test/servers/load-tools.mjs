import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAnswered, quantile, readTrace } from "../../dist/index.js";
import { startTapProcess } from "./tap-process.mjs";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Prompts of its own for each run: the server holds none of them. */
let seed = Date.now() % 1_000_000;

const REQUESTS = 40;
const PROMPT_TOKENS = 256;
const OUTPUT_TOKENS = 24;
const RATE_PER_SECOND = 5;

/**
 * Load generators of others: how each is started against a base address, and what its own report says. Where it is comes
 * from the environment: a program's path; `TOKENIZER_DIR` is the model's folder with tokenizer.json.
 */
export const LOAD_TOOLS = [
  {
    name: "vllm bench serve",
    variable: "VLLM_BENCH",
    arguments: (url, model, tokenizer, dir) => [
      ...["bench", "serve", "--backend", "openai-chat", "--endpoint", "/v1/chat/completions"],
      ...["--base-url", url, "--model", model, "--tokenizer", tokenizer],
      ...["--dataset-name", "random", "--random-input-len", `${PROMPT_TOKENS}`, "--random-output-len"],
      ...[`${OUTPUT_TOKENS}`, "--num-prompts", `${REQUESTS}`, "--request-rate", `${RATE_PER_SECOND}`],
      ...["--ignore-eos", "--save-result", "--save-detailed", "--result-dir", dir],
      ...["--result-filename", "report.json", "--disable-tqdm"],
    ],
    version: ["--version"],
    report(dir) {
      const report = readJson(dir, "report.json");
      return {
        requests: report.completed,
        promptTokens: report.total_input_tokens,
        outputTokens: report.total_output_tokens,
        ttftP50Ms: report.median_ttft_ms,
      };
    },
  },
  {
    name: "AIPerf",
    variable: "AIPERF",
    arguments: (url, model, tokenizer, dir) => [
      ...["profile", "--model", model, "--url", url, "--endpoint-type", "chat", "--streaming"],
      ...["--tokenizer", tokenizer, "--synthetic-input-tokens-mean", `${PROMPT_TOKENS}`],
      ...["--synthetic-input-tokens-stddev", "0", "--output-tokens-mean", `${OUTPUT_TOKENS}`],
      ...["--output-tokens-stddev", "0", "--conversation-num", `${REQUESTS / 4}`],
      ...["--conversation-turn-mean", "4", "--conversation-turn-stddev", "0", "--extra-inputs"],
      ...["ignore_eos:true", "--request-count", `${REQUESTS}`, "--request-rate", `${RATE_PER_SECOND}`],
      ...["--artifact-dir", dir, "--use-server-token-count", "--ui", "none"],
    ],
    version: ["--version"],
    report(dir) {
      const report = readJson(dir, "profile_export_aiperf.json");
      const rows = readFileSync(join(dir, "profile_export.jsonl"), "utf8").trim().split("\n");
      return {
        requests: report.request_count.avg,
        promptTokens: report.total_usage_prompt_tokens.avg,
        outputTokens: report.total_usage_completion_tokens.avg,
        cachedTokens: report.total_usage_prompt_cache_read_tokens?.avg,
        ttftP50Ms: report.time_to_first_token.p50,
        sessions: new Set(rows.map((row) => JSON.parse(row).metadata.x_correlation_id)).size,
      };
    },
  },
  {
    name: "guidellm",
    variable: "GUIDELLM",
    arguments: (url, model, tokenizer, dir) => [
      ...["run", "--backend", `kind=openai_http,target=${url},model=${model}`],
      ...["--profile", `kind=constant,rate=${RATE_PER_SECOND}`],
      ...["--constraint", `kind=max_requests,count=${REQUESTS}`],
      ...["--data", `kind=synthetic_text,prompt_tokens=${PROMPT_TOKENS},output_tokens=${OUTPUT_TOKENS}`],
      ...["--tokenizer", `kind=hf_auto,model=${tokenizer}`],
      ...["--output", `kind=json,path=${join(dir, "report.json")}`, "--disable-console"],
    ],
    version: ["--version"],
    report(dir) {
      const { metrics } = readJson(dir, "report.json").benchmarks[0];
      return {
        requests: metrics.request_totals.successful,
        promptTokens: metrics.prompt_token_count.successful.total_sum,
        outputTokens: metrics.output_token_count.successful.total_sum,
        ttftP50Ms: metrics.time_to_first_token_ms.successful.median,
      };
    },
  },
];

/** This project's own load generator, whose trace is the report. */
export function loadgenTool(endpoint) {
  return {
    name: `prefixlab loadgen --endpoint ${endpoint}`,
    program: process.execPath,
    arguments: (url, model, _tokenizer, dir) => [
      ...[cli, "loadgen", "--url", url, "--model", model, "--endpoint", endpoint, "--pattern", "multiturn"],
      ...["--rate", "2", "--sessions", "8", "--turns", "3", "--prefix-tokens", "200", "--prefix-count", "2"],
      ...["--prompt-tokens", "64", "--output-tokens", "16", "--think-time", "0.2", "--warmup", "0"],
      ...["--seed", `${seed++}`, "--trace-out", join(dir, "own.jsonl")],
    ],
    version: [cli, "--version"],
    async report(dir) {
      const { records } = await readTrace(join(dir, "own.jsonl"));
      return { ...totals(records.filter(isAnswered)), failed: records.filter((r) => !isAnswered(r)).length };
    },
  };
}

/** One tool through a tap of its own: what it reports, and the same of the trace. */
export async function checkLoadTool(tool, server, env = process.env) {
  const dir = mkdtempSync(join(tmpdir(), "prefixlab-load-tool-"));
  const program = tool.program ?? env[tool.variable];
  try {
    const tap = await startTapProcess(server.url, server.tapFlags);
    const ran = await run(program, tool.arguments(tap.url, server.model, env.TOKENIZER_DIR, dir));
    const { trace, said, problem } = await tap.end();
    if (ran.code !== 0) return { problem: `${tool.name} ended with ${ran.code}: ${ran.said.slice(-400)}` };
    const own = await tool.report(dir);
    const answered = (trace?.records ?? []).filter(isAnswered);
    // A tool may try the server before it counts: what it counts are the last ones.
    const counted = answered.slice(answered.length - own.requests);
    return {
      version: (await run(program, tool.version)).said.match(/\d+\.\d+\.\d+/)?.[0] ?? "?",
      own,
      traced: { ...totals(counted), notCounted: answered.length - counted.length },
      said,
      ...(problem && { problem }),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Sums of records; what none of them tells is undefined. */
function totals(records) {
  const told = (read) => records.map(read).filter((value) => value !== undefined);
  const cached = told(({ cachedTokens, extra }) => cachedTokens ?? extra?.server_cached_tokens);
  // A response's own id is the name of a session that nobody need go on with.
  const sessions = told(({ session, sessionSource }) =>
    sessionSource === "response_id" ? undefined : session,
  );
  return {
    requests: records.length,
    // The server's count where the trace's unit is another.
    promptTokens: sum(records, ({ promptTokens, extra }) => extra?.server_prompt_tokens ?? promptTokens),
    outputTokens: sum(records, ({ outputTokens }) => outputTokens),
    ...(cached.length > 0 && { cachedTokens: cached.reduce((a, b) => a + b, 0) }),
    ttftP50Ms: quantile(
      told(({ ttftMs }) => ttftMs),
      0.5,
    ),
    ...(sessions.length > 0 && { sessions: new Set(sessions).size }),
  };
}

function run(program, args) {
  return new Promise((resolve) => {
    // Tools of one environment find each other on the path.
    const env = { ...process.env, PATH: `${dirname(program)}:${process.env.PATH}`, NO_COLOR: "1" };
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
    let said = "";
    child.stdout.on("data", (bytes) => {
      said += bytes;
    });
    child.stderr.on("data", (bytes) => {
      said += bytes;
    });
    child.once("error", (error) => resolve({ code: -1, said: error.message }));
    child.once("exit", (code) => resolve({ code, said }));
  });
}

function readJson(dir, name) {
  return JSON.parse(readFileSync(join(dir, name), "utf8"));
}

function sum(records, count) {
  return records.reduce((total, record) => total + count(record), 0);
}
