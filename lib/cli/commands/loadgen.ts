import { Command, InvalidArgumentError, Option } from "commander";
import {
  defaultLoadgenOptions as defaults,
  endpoints,
  type LatenciesJson,
  type LoadgenOptions,
  type LoadProgress,
  type LoadSummary,
  loadgenOptions,
  loadPatterns,
  runLoadgen,
  summariseLoad,
} from "../../capture/index.js";
import { writeWhole } from "../../output/index.js";
import { parseRange } from "../engine-flags.js";
import { addEngineViewFlags, type EngineViewFlags, engineViewFromFlags } from "../engine-view-flags.js";
import { addMetaFlags, type MetaFlags, metaFromFlags } from "../meta-flag.js";
import { unusedPatternFlags } from "../pattern-flags.js";
import { stopSignal } from "../stop-signal.js";
import { printErr, printOut } from "../terminal.js";

/** The flags as commander hands them over: seconds where users of the original tool write seconds. */
interface LoadgenFlags extends MetaFlags, EngineViewFlags {
  readonly url: string;
  readonly model: string;
  readonly pattern: LoadgenOptions["pattern"];
  readonly endpoint: LoadgenOptions["endpoint"];
  readonly promptAs: LoadgenOptions["promptAs"];
  readonly tokenizer?: string;
  readonly conversations?: string;
  readonly answers: LoadgenOptions["answers"];
  readonly tokenRange?: readonly [number, number];
  readonly rate: number;
  readonly turns: number;
  readonly prefixTokens: number;
  readonly prefixCount: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly thinkTime: number;
  readonly duration: number;
  readonly sessions?: number;
  readonly concurrency: number;
  readonly stairs?: readonly number[];
  readonly repeats: number;
  readonly burstSize: number;
  readonly burstInterval: number;
  readonly seed: number;
  readonly timeout: number;
  readonly temperature: number;
  readonly ignoreEos: boolean;
  readonly blockSize: number;
  readonly warmup: number;
  readonly soleClient?: boolean;
  readonly out?: string;
  readonly traceOut?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** The `loadgen` command: drives a server and measures. */
export function loadgenCommand(): Command {
  const command = new Command("loadgen")
    .description("Drive a server with a synthetic or a recorded workload and measure every request.")
    .requiredOption(
      "--url <url>",
      "base address of the server, e.g. http://127.0.0.1:8000, with /v1 or without",
    )
    .requiredOption("--model <name>", "model name, as the server knows it")
    .addOption(
      new Option("--pattern <name>", "arrival pattern").choices([...loadPatterns]).default(defaults.pattern),
    )
    .addOption(
      new Option(
        "--endpoint <api>",
        "API to drive: OpenAI's completions, chat or responses, Anthropic's messages",
      )
        .choices([...endpoints])
        .default(defaults.endpoint),
    )
    .addOption(
      new Option("--prompt-as <form>", "how prompts are sent; auto = ids where the server supports them")
        .choices(["auto", "text", "ids"])
        .default(defaults.promptAs),
    )
    .option("--tokenizer <file>", "a tokenizer.json, for servers that do not tell token ids")
    .option("--token-range <low:high>", "ids that prompts sent as ids are drawn from", parseRange)
    .option(
      "--conversations <file>",
      "conversations: JSON or JSONL of OpenAI's messages, ShareGPT or AIPerf's turns",
    )
    .addOption(
      new Option(
        "--answers <which>",
        "conversations: what a later turn goes on from, the server's answer or the file's",
      )
        .choices(["real", "recorded"])
        .default(defaults.answers),
    )
    .option(
      "--rate <n>",
      "sessions (multiturn, conversations) or requests (poisson) per second",
      parseNumber,
      defaults.ratePerSecond,
    )
    .option("--turns <n>", "multiturn: turns a session", parseNumber, defaults.turns)
    .option(
      "--prefix-tokens <n>",
      "multiturn: tokens of each shared prefix",
      parseNumber,
      defaults.prefixTokens,
    )
    .option(
      "--prefix-count <n>",
      "multiturn: shared prefixes, given out in turn",
      parseNumber,
      defaults.prefixCount,
    )
    .option(
      "--prompt-tokens <n>",
      "new prompt tokens a request or turn; sweep: the longest prompt",
      parseNumber,
      defaults.promptTokens,
    )
    .option("--output-tokens <n>", "output tokens a request or turn", parseNumber, defaults.outputTokens)
    .option(
      "--think-time <s>",
      "multiturn, conversations: seconds from an answer's end to the next turn (conversations: instead of the file's)",
      parseNumber,
      0,
    )
    .option(
      "--duration <s>",
      "all but conversations and sweep: seconds during which requests arrive",
      parseNumber,
      defaults.durationMs / 1000,
    )
    .option(
      "--sessions <n>",
      "multiturn, conversations: stop after this many sessions; poisson, burst: after this many requests",
      parseNumber,
    )
    .option(
      "--concurrency <n>",
      "constant: workers; staircase, sweep: the top level",
      parseNumber,
      defaults.concurrency,
    )
    .option("--stairs <list>", "staircase, sweep: concurrency levels, e.g. 1,2,4,8", parseList)
    .option(
      "--repeats <n>",
      "sweep: times that each isolated size is measured",
      parseNumber,
      defaults.repeats,
    )
    .option("--burst-size <n>", "burst: simultaneous requests", parseNumber, defaults.burstSize)
    .option(
      "--burst-interval <s>",
      "burst: seconds between bursts",
      parseNumber,
      defaults.burstIntervalMs / 1000,
    )
    .option("--seed <n>", "fixes arrivals and prompts", parseNumber, defaults.seed)
    .option("--timeout <s>", "time limit of one request", parseNumber, defaults.timeoutMs / 1000)
    .option("--temperature <t>", "sampling temperature", parseNumber, defaults.temperature)
    .option("--no-ignore-eos", "let answers end early: do not send ignore_eos")
    .option("--block-size <n>", "tokens a block behind the recorded hashes", parseNumber, defaults.blockSize)
    .option("--warmup <n>", "unrecorded requests before the run", parseNumber, defaults.warmup)
    .option("--sole-client", "no one else uses the server: record the engine step behind each gap (itl_ctx)")
    .option("--out <file>", "write the run's summary as JSON")
    .option("--trace-out <file>", "write the trace, one record a request (.gz is compressed)")
    .option("--force", "replace a trace that is there, and what a killed run has left as FILE.partial")
    .option("--json", "print the summary as JSON on stdout");
  addMetaFlags(command);
  return addEngineViewFlags(command, "none")
    .addHelpText(
      "after",
      `
A flag that the chosen pattern does not use is told. multiturn, conversations, poisson and burst are open loop; constant is
closed loop: --concurrency workers, each of which sends when its last answer has ended or failed.

Optional fields that the server refuses (ignore_eos, stream_options, temperature, ...) are left out, one at a time, which is
told. A request without a first token is in the TTFT quantiles as one that waited at least as long (Kaplan-Meier).

A key in the environment variable OPENAI_API_KEY is sent as a bearer token; for --endpoint messages the one in
ANTHROPIC_API_KEY, if there is one, and as x-api-key too. Ctrl-C stops the run and finishes the files.
A trace that is there is not replaced without --force; --out is, whole or not at all. A killed run leaves FILE.partial.

Example: 60 agentic sessions of 5 turns over two shared prefixes
  npx prefixlab loadgen --url http://127.0.0.1:8000 --model my-model --pattern multiturn --rate 1 --sessions 60 \\
    --turns 5 --prefix-tokens 2000 --prompt-tokens 128 --output-tokens 64 --out run.json --trace-out run.jsonl.gz`,
    )
    .action(async (flags: LoadgenFlags, command: Command) => {
      const given = Object.keys(flags).filter((name) => command.getOptionValueSource(name) === "cli");
      const unused = unusedPatternFlags(flags.pattern, given);
      if (unused !== undefined) printErr(`loadgen: ${unused}\n`);
      await runCommand(flags);
    });
}

async function runCommand(flags: LoadgenFlags): Promise<void> {
  const options = optionsOf(flags);
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  const bar = await progressBar();
  try {
    const result = await runLoadgen(options, {
      signal: stop.signal,
      onProgress: bar.update,
      ...(flags.traceOut !== undefined && { traceOut: flags.traceOut }),
      force: flags.force ?? false,
      engineView: engineViewFromFlags(flags),
    });
    bar.stop();
    const summary = summariseLoad(result);
    for (const warning of result.warnings) printErr(`warning: ${warning}\n`);
    if (flags.out !== undefined) await writeWhole(flags.out, `${JSON.stringify(summary, null, 2)}\n`);
    printOut(flags.json ? `${JSON.stringify(summary)}\n` : summaryText(summary));
    if (summary.completed === 0 || summary.stopped) process.exitCode = 1;
  } finally {
    bar.stop();
  }
}

function optionsOf(flags: LoadgenFlags): LoadgenOptions {
  const { OPENAI_API_KEY, ANTHROPIC_API_KEY } = process.env;
  const apiKey = (flags.endpoint === "messages" && ANTHROPIC_API_KEY) || OPENAI_API_KEY;
  const meta = metaFromFlags(flags);
  return loadgenOptions({
    url: flags.url,
    model: flags.model,
    pattern: flags.pattern,
    endpoint: flags.endpoint,
    promptAs: flags.promptAs,
    ...(flags.tokenizer !== undefined && { tokenizerFile: flags.tokenizer }),
    ...(flags.tokenRange && { tokenIdRange: flags.tokenRange }),
    ...(flags.conversations !== undefined && { conversationsFile: flags.conversations }),
    answers: flags.answers,
    ratePerSecond: flags.rate,
    turns: flags.turns,
    prefixTokens: flags.prefixTokens,
    prefixCount: flags.prefixCount,
    promptTokens: flags.promptTokens,
    outputTokens: flags.outputTokens,
    thinkTimeMs: flags.thinkTime * 1000,
    durationMs: flags.duration * 1000,
    ...(flags.sessions !== undefined && { sessions: flags.sessions }),
    concurrency: flags.concurrency,
    ...(flags.stairs && { stairs: flags.stairs }),
    repeats: flags.repeats,
    burstSize: flags.burstSize,
    burstIntervalMs: flags.burstInterval * 1000,
    seed: flags.seed,
    timeoutMs: flags.timeout * 1000,
    temperature: flags.temperature,
    ignoreEos: flags.ignoreEos,
    blockSize: flags.blockSize,
    warmup: flags.warmup,
    soleClient: flags.soleClient ?? false,
    ...(meta && { meta }),
    ...(apiKey && { apiKey }),
  });
}

async function progressBar(): Promise<{ update(progress: LoadProgress): void; stop(): void }> {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const { default: cliProgress } = await import("cli-progress");
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: "{bar} {value}/{total} done, {inFlight} in flight, {failed} failed, {seconds} s",
    hideCursor: true,
  });
  let started = false;
  return {
    update: ({ completed, failed, sent, planned, inFlight, elapsedMs }) => {
      const payload = { inFlight, failed, seconds: Math.round(elapsedMs / 1000) };
      if (!started) bar.start(planned ?? sent, 0, payload);
      started = true;
      bar.setTotal(planned ?? sent);
      bar.update(completed + failed, payload);
    },
    stop: () => bar.stop(),
  };
}

function summaryText(summary: LoadSummary): string {
  const ms = (value: number | null) => (value === null ? "-" : value.toFixed(1)).padStart(9);
  const row = (name: string, latencies: LatenciesJson, censored: number) => {
    const { n, ttft_ms: ttft, itl_ms: itl, cached_share: cached } = latencies;
    // A quantile that the curve does not reach is beyond all that was seen.
    const first = (value: number | null) =>
      value === null && censored > 0 ? "> seen".padStart(9) : ms(value);
    const cells = [...[ttft.p50, ttft.p90, ttft.p99].map(first), ...[itl.p50, itl.p90, itl.p99].map(ms)].join(
      "",
    );
    const share = cached === null ? "-" : `${(100 * cached).toFixed(1)} %`;
    return `${name.padEnd(17)}${String(n).padStart(6)}${String(censored).padStart(9)}${cells}${share.padStart(10)}\n`;
  };
  const rows = Object.entries(summary.cohorts)
    .filter(([, cohort]) => cohort.n > 0)
    .flatMap(([name, cohort]) => [
      row(name, cohort, cohort.censored),
      ...(cohort.censored > 0 ? [row("  complete alone", cohort.survivors, 0)] : []),
    ]);
  const lag = summary.send_lag_ms;
  return [
    `${summary.completed} of ${summary.requests} requests completed in ${summary.duration_s.toFixed(1)} s: `,
    `${summary.requests_per_s.toFixed(2)} requests/s, ${summary.output_tokens_per_s.toFixed(1)} output tokens/s\n`,
    `loop ${summary.loop}${lag ? `, send lag p50 ${lag.p50.toFixed(2)} p99 ${lag.p99.toFixed(2)} ms` : ""}\n`,
    `${"ms".padEnd(17)}${"n".padStart(6)} censored TTFT p50      p90      p99  ITL p50      p90      p99    cached\n`,
    ...rows,
  ].join("");
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("not a number");
  return value;
}

function parseList(text: string): number[] {
  return text.split(",").map(parseNumber);
}
