import { Command } from "commander";
import { startTap } from "../../capture/index.js";
import { engineViewPath } from "../../trace/files/index.js";
import { parseCount } from "../engine-flags.js";
import {
  addEngineViewFlags,
  type EngineViewFlags,
  engineViewFromFlags,
  watchedText,
} from "../engine-view-flags.js";
import { readFingerprintKey } from "../fingerprint-key.js";
import { listenAddress } from "../listen-address.js";
import { addMetaFlags, type MetaFlags, metaFromFlags } from "../meta-flag.js";
import { stopSignal } from "../stop-signal.js";
import { printErr } from "../terminal.js";

interface TapFlags extends MetaFlags, EngineViewFlags {
  readonly listen: string;
  readonly upstream: string;
  readonly traceOut: string;
  readonly blockSize: number;
  readonly fingerprintKeyFile?: string;
  readonly recordTokens: boolean;
  readonly tokenizer?: string;
}

/** The `tap` command: a recording reverse proxy. */
export function tapCommand(): Command {
  const command = new Command("tap")
    .description("Record the traffic of an OpenAI-compatible server: a reverse proxy that writes a trace.")
    .option("--listen <host:port>", "where clients connect; port 0 = any free one", "127.0.0.1:8001")
    .requiredOption("--upstream <url>", "base address of the server, e.g. http://127.0.0.1:8000")
    .requiredOption("--trace-out <file>", "trace to write, one record a request (.gz is compressed)")
    .option("--block-size <n>", "tokens a fingerprinted block", parseCount, 16)
    .option(
      "--fingerprint-key-file <file>",
      "key of the prompt fingerprints: with one, a shared trace cannot be searched for known prompts",
    )
    .option(
      "--tokenizer <file>",
      "tokenizer.json of the model, where the server's own cannot be asked; its chat template beside it",
    )
    .option("--record-tokens", "also write token ids of prompts and answers", false);
  addMetaFlags(command);
  return addEngineViewFlags(command, "the upstream's /metrics, if it has one")
    .addHelpText(
      "after",
      `
Requests and answers pass unchanged. The trace has times, counts and chained fingerprints of prompt blocks; prompts,
answers and credentials are never written. Ctrl-C ends the file; a killed tap loses only the requests in flight.

What the engine says of itself meanwhile (counters of its metrics page, KV events) goes to TRACE.engine.jsonl beside the
trace; prefixlab inspect compares the two.

Example: record a server on port 8000, with clients sent to port 8001
  head -c 32 /dev/urandom > tap.key
  prefixlab tap --listen 127.0.0.1:8001 --upstream http://127.0.0.1:8000 --trace-out tap.jsonl.gz \\
    --fingerprint-key-file tap.key`,
    )
    .action(async (flags: TapFlags) => {
      await runTap(flags);
    });
}

async function runTap(flags: TapFlags): Promise<void> {
  const { host, port } = listenAddress("tap", flags.listen);
  const fingerprintKey =
    flags.fingerprintKeyFile === undefined
      ? undefined
      : await readFingerprintKey("tap", flags.fingerprintKeyFile);
  const meta = metaFromFlags(flags);
  const tap = await startTap({
    host,
    port,
    upstream: flags.upstream,
    traceOut: flags.traceOut,
    blockSize: flags.blockSize,
    recordTokens: flags.recordTokens,
    ...(flags.tokenizer !== undefined && { tokenizerFile: flags.tokenizer }),
    ...(fingerprintKey && { fingerprintKey }),
    ...(meta && { meta }),
    ...engineViewFromFlags(flags),
    onProblem: (message) => printErr(`${message}\n`),
  });
  printErr(`tap: ${tap.url} -> ${flags.upstream}, recording to ${flags.traceOut}\n`);
  await stopSignal();
  await tap.close();
  printErr(`tap: ${tap.recordCount} records in ${flags.traceOut}\n`);
  const seen = tap.engineView && watchedText(tap.engineView);
  if (seen !== undefined) printErr(`tap: ${seen} in ${engineViewPath(flags.traceOut)}\n`);
}
