import { Command } from "commander";
import { startTap, type Tap } from "../../capture/index.js";
import { engineViewPath } from "../../trace/files/index.js";
import { parseCount } from "../engine-flags.js";
import {
  addEngineViewFlags,
  type EngineViewFlags,
  engineViewFromFlags,
  watchedText,
} from "../engine-view-flags.js";
import { traceKey } from "../fingerprint-key.js";
import { listenAddress } from "../listen-address.js";
import { LossLines } from "../loss-lines.js";
import { addMetaFlags, type MetaFlags, metaFromFlags } from "../meta-flag.js";
import { readableByOthers } from "../readable-by-others.js";
import { stopSignal } from "../stop-signal.js";
import { printErr } from "../terminal.js";

interface TapFlags extends MetaFlags, EngineViewFlags {
  readonly listen: string;
  readonly upstream: string;
  readonly traceOut: string;
  readonly force?: boolean;
  readonly blockSize: number;
  readonly fingerprintKeyFile?: string;
  /** False with `--no-key`. */
  readonly key: boolean;
  readonly recordTokens: boolean;
  readonly tokenizer?: string;
  readonly explain?: boolean;
}

/** The `tap` command: a recording reverse proxy. */
export function tapCommand(): Command {
  const command = new Command("tap")
    .description("Record the traffic of an OpenAI-compatible server: a reverse proxy that writes a trace.")
    .option("--listen <host:port>", "where clients connect; port 0 = any free one", "127.0.0.1:8001")
    .requiredOption("--upstream <url>", "base address of the server, e.g. http://127.0.0.1:8000")
    .requiredOption("--trace-out <file>", "trace to write, one record a request (.gz is compressed)")
    .option("--force", "replace a trace that is there, instead of going on with it")
    .option("--block-size <n>", "tokens a fingerprinted block", parseCount, 16)
    .option(
      "--fingerprint-key-file <file>",
      "key of the prompt fingerprints; default: FILE.key beside the trace, made if it is not there",
    )
    .option("--no-key", "fingerprints without a key: whoever has the trace can guess prompts block by block")
    .option(
      "--tokenizer <file>",
      "tokenizer.json of the model, where the server's own cannot be asked; its chat template beside it",
    )
    .option("--explain", "say when a request loses a prefix that it should have had, and why, within seconds")
    .option("--record-tokens", "also write token ids of prompts and answers", false);
  addMetaFlags(command);
  return addEngineViewFlags(command, "the upstream's /metrics, if it has one")
    .addHelpText(
      "after",
      `
Requests and answers pass unchanged. The trace has times, counts and chained fingerprints of prompt blocks; prompts,
answers and credentials are never written. With the key, fingerprints can be compared with those of known prompts: share
the trace, not the key. Both are readable by their owner alone.

A tap's trace that is there is continued, if it has the same block size, key and kind of tokens: arrivals go on on its
clock. Anything else that is there is refused; --force replaces a trace, never a file of another kind.

Ctrl-C ends the file; a killed tap loses only the requests in flight. What is not recorded, and why, is said when it
begins, at the end, and by inspect. Bodies of more than 32 MiB, also after decompression, and prompts of more than 4 Mi
characters or ids pass unrecorded. When the disk
refuses records, traffic goes on, they wait in memory and are tried again; if some are lost, the exit code is 1.

With --explain, of requests that lost 256 tokens and a tenth of the prompt before; five lines in ten seconds at most, and
what was lost in all, by cause, at the end. The causes are those of prefixlab explain on the finished trace, as far as the
latest 4 Mi tokens tell them. Token counts and places are printed, never a text.

What the engine says of itself meanwhile (counters of its metrics page, KV events) goes to TRACE.engine.jsonl beside the
trace; prefixlab inspect compares the two.

Example: record a server on port 8000, with clients sent to port 8001
  prefixlab tap --listen 127.0.0.1:8001 --upstream http://127.0.0.1:8000 --trace-out tap.jsonl.gz`,
    )
    .action(async (flags: TapFlags) => {
      await runTap(flags);
    });
}

async function runTap(flags: TapFlags): Promise<void> {
  const { host, port } = listenAddress("tap", flags.listen);
  const { traceOut } = flags;
  const key = flags.key ? await traceKey("tap", traceOut, flags.fingerprintKeyFile) : undefined;
  // Requests are served before the tap has said where it is.
  const stopped = stopSignal();
  const meta = metaFromFlags(flags);
  const losses = flags.explain ? new LossLines() : undefined;
  const tap = await startTap({
    host,
    port,
    upstream: flags.upstream,
    traceOut,
    force: flags.force ?? false,
    blockSize: flags.blockSize,
    recordTokens: flags.recordTokens,
    ...(flags.tokenizer !== undefined && { tokenizerFile: flags.tokenizer }),
    ...(key && { fingerprintKey: key.key }),
    ...(meta && { meta }),
    ...engineViewFromFlags(flags),
    ...(losses && {
      onLoss: (loss) => {
        const line = losses.line(loss, performance.now());
        if (line !== undefined) printErr(`${line}\n`);
      },
    }),
    onProblem: (message) => printErr(`${message}\n`),
  }).catch(async (error: unknown) => {
    await key?.discard();
    throw error;
  });
  const before = tap.recordsBefore > 0 ? `, behind the ${tap.recordsBefore} records that it has` : "";
  printErr(`tap: ${tap.url} -> ${flags.upstream}, recording to ${traceOut}${before}\n`);
  printErr(`tap: ${key?.said ?? "fingerprints have no key: prompts can be guessed block by block"}\n`);
  if (losses)
    printErr(
      "tap: lost prefixes are told as far as the latest 4 Mi tokens of prompts and answers tell them\n",
    );
  for (const warning of [exposure(tap.url), key?.warning, await openTrace(traceOut)])
    if (warning !== undefined) printErr(`warning: ${warning}\n`);
  await stopped;
  await tap.close();
  printErr(`${lastLine(tap, traceOut)}\n`);
  if (losses) printErr(`tap: ${losses.summary()}\n`);
  const seen = tap.engineView && watchedText(tap.engineView);
  if (seen !== undefined) printErr(`tap: ${seen} in ${engineViewPath(traceOut)}\n`);
  if (tap.lostCount > 0) process.exitCode = 1;
}

/** What was recorded, and what was not. */
function lastLine({ recordCount, recordsBefore, lostCount, notes }: Tap, traceOut: string): string {
  const parts = [
    `tap: ${recordCount} records in ${traceOut}${recordsBefore > 0 ? `, behind ${recordsBefore} from before` : ""}`,
    told("without block hashes", notes.withoutHashes),
    told("requests unrecorded", notes.unrecorded),
    lostCount > 0 ? `${lostCount} records LOST` : undefined,
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}

function told(what: string, counts: Readonly<Record<string, number>>): string | undefined {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (entries.length === 0) return undefined;
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  return `${total} ${what} (${entries.map(([reason, count]) => `${count}: ${reason}`).join("; ")})`;
}

/** A warning where others than this machine reach the tap: it asks nobody who they are. */
function exposure(url: string): string | undefined {
  const { hostname, port } = new URL(url);
  const address = hostname.replace(/^\[|\]$/g, "");
  const isLoopback = /^(127\.[\d.]+|::1|::ffff:(127\.|7f)[\da-f.:]*)$/i.test(address);
  if (isLoopback) return undefined;
  return `the tap listens on ${address}: whoever reaches port ${port} uses the upstream server; --listen 127.0.0.1:${port} keeps it to this machine`;
}

async function openTrace(path: string): Promise<string | undefined> {
  const mode = await readableByOthers(path);
  return mode === undefined
    ? undefined
    : `${path} can be read by others (mode ${mode}): it tells who asked how much and when; chmod 600`;
}
