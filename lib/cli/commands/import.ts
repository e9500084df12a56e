import { Command, InvalidArgumentError, Option } from "commander";
import {
  type ImportOptions,
  importFormats,
  importTrace,
  openTokenizer,
  type TimeUnit,
  timeUnits,
  writeTrace,
} from "../../trace/files/index.js";
import { importAssumptions } from "../../trace/index.js";
import { parseCount, parsePositive } from "../engine-flags.js";
import { readFingerprintKey } from "../fingerprint-key.js";
import { progressBar, reportProblems } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { printOut } from "../terminal.js";

interface ImportFlags {
  readonly format: string;
  readonly out: string;
  readonly blockSize?: number;
  readonly fingerprintKeyFile?: string;
  readonly companion?: string;
  readonly columns?: Readonly<Record<string, string>>;
  readonly startGap?: number;
  readonly subagents?: boolean;
  readonly sharedPreamble: boolean;
  readonly timeUnit?: TimeUnit;
  readonly tokenizer?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `import` command: another format into the tap schema. */
export function importCommand(): Command {
  const width = Math.max(...importFormats.map(({ format }) => format.length));
  const formats = importFormats.map(({ format, description }) => `  ${format.padEnd(width)} ${description}`);
  return new Command("import")
    .description("Read a trace of another format and write it in the tap schema.")
    .argument("<file>", "file or folder to read")
    .addOption(
      new Option("--format <format>", "what it is")
        .choices(importFormats.map(({ format }) => format))
        .makeOptionMandatory(),
    )
    .requiredOption("--out <trace>", "trace to write (JSON lines, .gz allowed)")
    .option("--block-size <tokens>", "tokens a block, where the source gives ids or text", parseCount)
    .option(
      "--fingerprint-key-file <file>",
      "secret key of the fingerprints, for a trace that is to be shared",
    )
    .option("--companion <file>", "llmservingsim: the workload; blis: the header; aiperf: the summary")
    .option("--columns <field=column,...>", "csv: the column behind each field", parseColumns)
    .option(
      "--start-gap <s>",
      "weka, agentic-mooncake: seconds between the starts of conversations",
      parsePositive,
    )
    .option("--subagents", "weka: take sub-agents' requests too, as sessions of their own")
    .option("--no-shared-preamble", "weka: each conversation has tools and system prompt of its own")
    .option("--tokenizer <file>", "a tokenizer.json, for sources that hold text (default: bytes)")
    .addOption(
      new Option(
        "--time-unit <unit>",
        "unit of the source's time stamps (default: the format's own, or what all of them point to, with a warning)",
      ).choices(timeUnits),
    )
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Formats:
${formats.join("\n")}

Example:
  npx prefixlab import --format mooncake conversation_trace.jsonl --out mooncake.jsonl.gz
`,
    )
    .action(runImport);
}

async function runImport(path: string, flags: ImportFlags): Promise<void> {
  const beside = [flags.companion, flags.fingerprintKeyFile, flags.tokenizer].filter(
    (file) => file !== undefined,
  );
  // Rows find the header or summary beside them by their name.
  const base = path.replace(/\.(csv|ya?ml|jsonl)(\.gz)?$/, "");
  const endings =
    { blis: [".csv", ".yaml", ".yml", ".itl.csv"], aiperf: [".json", ".json.gz"] }[flags.format] ?? [];
  const found = endings.map((ending) => base + ending);
  refuseOverwrite(flags.out, [path, ...beside, ...found]);
  const key =
    flags.fingerprintKeyFile === undefined
      ? undefined
      : await readFingerprintKey("import", flags.fingerprintKeyFile);
  const bar = progressBar(`reading ${path}`);
  const options: ImportOptions = {
    ...(flags.strict && { strict: true }),
    ...(flags.blockSize !== undefined && { blockSize: flags.blockSize }),
    ...(key && { fingerprintKey: key }),
    ...(flags.companion !== undefined && { companionPath: flags.companion }),
    ...(flags.columns && { columns: flags.columns }),
    ...(flags.startGap !== undefined && { startGapMs: flags.startGap * 1000 }),
    ...(flags.subagents && { subagents: true }),
    ...(!flags.sharedPreamble && { sharedPreamble: false }),
    ...(flags.timeUnit && { timeUnit: flags.timeUnit }),
    ...(flags.tokenizer !== undefined && { tokenize: await tokenizeBy(flags.tokenizer) }),
    onProgress: ({ bytesRead, totalBytes }) => bar.update(totalBytes ? bytesRead / totalBytes : 0),
  };
  const trace = await importTrace(flags.format, path, options).finally(() => bar.stop());
  await writeTrace(flags.out, trace);
  reportProblems(path, trace);
  const { records, rejected, warnings, meta } = trace;
  const document = {
    requests: records.length,
    rejected: rejected.length,
    warnings,
    assumptions: importAssumptions(meta),
    shared_preamble: meta.extra.shared_preamble ?? null,
    out: flags.out,
  };
  if (flags.json) printOut(`${JSON.stringify(document, null, 1)}\n`);
  else printOut(`${records.length} requests, ${rejected.length} rows rejected; wrote ${flags.out}\n`);
}

/** Without the special tokens, which a chat template puts where they belong. */
async function tokenizeBy(path: string): Promise<(text: string) => readonly number[]> {
  const { encode } = await openTokenizer(path);
  return (text) => encode(text, false);
}

/** `prompt_tokens=in,arrival_s=t` */
function parseColumns(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => pair.split("="));
  if (pairs.some(([field, column, ...more]) => !field || !column || more.length > 0))
    throw new InvalidArgumentError("expected field=column,field=column,...");
  return Object.fromEntries(pairs as [string, string][]);
}
