import { Command } from "commander";
import { InputError } from "../../base/index.js";
import {
  addEngineFlags,
  type EngineFlags,
  engineFromFlags,
  parseCount,
  parsePositive,
} from "../engine-flags.js";
import { addFleetFlags, type FleetFlags, fleetFromFlags } from "../fleet-flags.js";
import {
  addLatencyFlags,
  givenLatencyFlags,
  type LatencyFlags,
  latencyFromFlags,
} from "../latency-source.js";
import { listenAddress } from "../listen-address.js";
import { asFlags } from "../replay-header.js";
import { stopSignal } from "../stop-signal.js";
import { printErr } from "../terminal.js";

interface ServeFlags extends EngineFlags, FleetFlags, LatencyFlags {
  readonly listen: string;
  readonly timeScale: number;
  readonly seed: string;
  readonly maxQueue: number;
  readonly maxModelLen?: number;
  readonly servedModelName?: string;
}

/** The `serve` command: the simulated engine behind OpenAI's APIs and Anthropic's messages. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .description(
      "Serve the simulated engine behind OpenAI's APIs and Anthropic's messages, by the wall clock.",
    )
    .option("--listen <host:port>", "where clients connect; port 0 = any free one", "127.0.0.1:8000");
  return addEngineFlags(addLatencyFlags(addFleetFlags(command, "1")))
    .option("--time-scale <x>", "engine time over wall time: 10 answers ten times as fast", parsePositive, 1)
    .option("--seed <n>", "fixes step times and answers", "0")
    .option("--max-queue <n>", "requests that may wait; more are refused with 503", parseCount, 1024)
    .option("--max-model-len <tokens>", "longest prompt and answer together", parseCount)
    .option("--served-model-name <name>", "name in /v1/models; requests may use any")
    .addHelpText(
      "after",
      `
Endpoints: /v1/completions, /v1/chat/completions, /v1/responses, /v1/messages, /v1/messages/count_tokens, /v1/models,
/tokenize, /detokenize, /health, /version and /metrics (Prometheus, vLLM's names). One byte of text is one token; answers are deterministic text without meaning. Without a
latency flag the profile h200-qwen3-8b sets the step times and the engine's defaults. There is no authentication: it
listens on the loopback address unless told otherwise.

With --replicas a router sends each request to one of the engines; sessions are what clients call so in a header or field,
and /metrics has each engine under its label.

Example: an engine like Qwen3-8B on one H200, and a request to it
  prefixlab serve --listen 127.0.0.1:8000 --profile h200-qwen3-8b --kv-cache-size 65536
  curl -s http://127.0.0.1:8000/v1/completions -H 'content-type: application/json' \\
    -d '{"prompt": "Once upon a time", "max_tokens": 20}'`,
    )
    .action(async (flags: ServeFlags) => {
      await runServe(flags);
    });
}

async function runServe(flags: ServeFlags): Promise<void> {
  const { host, port } = listenAddress("serve", flags.listen);
  const seed = Number(flags.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new InputError(`serve: --seed must be a whole number >= 0, got ${JSON.stringify(flags.seed)}`);
  const fleet = fleetFromFlags("serve", flags);
  const engine = engineFromFlags(flags);
  const isNamed = givenLatencyFlags(flags).length > 0;
  const latency = await latencyFromFlags(isNamed ? flags : { ...flags, profile: "h200-qwen3-8b" });
  const { startServer } = await import("../../capture/index.js");
  const server = await startServer({
    host,
    port,
    latency,
    engine,
    seed,
    timeScale: flags.timeScale,
    maxQueue: flags.maxQueue,
    ...fleet,
    ...(flags.maxModelLen !== undefined && { maxModelTokens: flags.maxModelLen }),
    ...(flags.servedModelName !== undefined && { modelName: flags.servedModelName }),
  });
  printErr(
    `serve: ${server.modelName} at ${server.url}, latency ${latency.kind}\nserve: engine ${asFlags(server.engine)}\n`,
  );
  await stopSignal();
  await server.close();
}
