import { Command, Option } from "commander";
import { exportFormats, exportTrace } from "../../trace/files/index.js";
import { readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { printOut } from "../terminal.js";

interface ExportFlags {
  readonly format: string;
  readonly out: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `export` command: a trace into another format. */
export function exportCommand(): Command {
  const width = Math.max(...exportFormats.map(({ format }) => format.length));
  const formats = exportFormats.map(({ format, description }) => `  ${format.padEnd(width)} ${description}`);
  return new Command("export")
    .description("Write a trace in another format.")
    .argument("<trace>", "trace to read")
    .addOption(
      new Option("--format <format>", "what to write")
        .choices(exportFormats.map(({ format }) => format))
        .makeOptionMandatory(),
    )
    .requiredOption("--out <file>", "file to write")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Formats:
${formats.join("\n")}

Example, to look at a capture in ui.perfetto.dev:
  npx prefixlab export --format perfetto data/warm-1.jsonl.gz --out warm-1.trace.json
`,
    )
    .action(async (path: string, flags: ExportFlags) => {
      refuseOverwrite(flags.out, [path]);
      const trace = await readInput(path, { strict: flags.strict ?? false });
      await exportTrace(flags.format, trace, flags.out);
      const requests = trace.records.length;
      if (flags.json) printOut(`${JSON.stringify({ requests, format: flags.format, out: flags.out })}\n`);
      else printOut(`${requests} requests; wrote ${flags.out}\n`);
    });
}
