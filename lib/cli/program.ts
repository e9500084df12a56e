import { Command, CommanderError } from "commander";
import { InputError } from "../base/index.js";
import { printErr, printOut } from "./terminal.js";

/** Each command is loaded when it is called, so that none pays for the packages of the others. */
const commands: Readonly<Record<string, readonly [description: string, load: () => Promise<Command>]>> = {
  figure: [
    "the cache-effect figure, from the committed captures or your own traces",
    async () => (await import("./commands/figure.js")).figureCommand(),
  ],
  inspect: [
    "what is in a trace: counts, ranges, sharing, hits, sessions, problems",
    async () => (await import("./commands/inspect.js")).inspectCommand(),
  ],
  sessions: [
    "infer sessions and turns from the hash chains",
    async () => (await import("./commands/sessions.js")).sessionsCommand(),
  ],
  explain: [
    "why prompt tokens were computed rather than found in the cache",
    async () => (await import("./commands/explain.js")).explainCommand(),
  ],
  size: [
    "how much memory a prefix cache needs, in which tier, for how long, for which price",
    async () => (await import("./commands/size.js")).sizeCommand(),
  ],
  sample: [
    "a smaller trace of whole sessions that behaves the same",
    async () => (await import("./commands/sample.js")).sampleCommand(),
  ],
  fit: ["fit a latency model, with a report", async () => (await import("./commands/fit.js")).fitCommand()],
  replay: [
    "replay a trace in the simulated engine, or against a server, and compare",
    async () => (await import("./commands/replay.js")).replayCommand(),
  ],
  explore: [
    "a page with the simulator inside, to be changed and looked at in a browser",
    async () => (await import("./commands/explore.js")).exploreCommand(),
  ],
  fleet: [
    "how to route: a trace on several engines under each router, with intervals",
    async () => (await import("./commands/fleet.js")).fleetCommand(),
  ],
  loadgen: [
    "drive a server and measure",
    async () => (await import("./commands/loadgen.js")).loadgenCommand(),
  ],
  tap: ["recording reverse proxy", async () => (await import("./commands/tap.js")).tapCommand()],
  serve: [
    "the simulated engine behind OpenAI's APIs and Anthropic's messages",
    async () => (await import("./commands/serve.js")).serveCommand(),
  ],
  import: ["read another format", async () => (await import("./commands/import.js")).importCommand()],
  export: ["write another format", async () => (await import("./commands/export.js")).exportCommand()],
  accuracy: [
    "judge the latency models on the committed captures",
    async () => (await import("./commands/accuracy.js")).accuracyCommand(),
  ],
  sweep: [
    "many what-ifs in parallel, resumable and shardable",
    async () => (await import("./commands/sweep.js")).sweepCommand(),
  ],
  sql: ["ask traces in SQL, one row a request", async () => (await import("./commands/sql.js")).sqlCommand()],
  notebook: [
    "run notebooks headless, or register their kernel with Jupyter",
    async () => (await import("./commands/notebook.js")).notebookCommand(),
  ],
  completion: [
    "completion of commands and flags for bash, zsh or fish",
    async () => (await import("./commands/completion.js")).completionCommand(commands),
  ],
};

/**
 * Runs the command line, and says with which code the process should end.
 * @param argv what was typed behind the program's name
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  outliveReaders();
  const program = new Command("prefixlab")
    .description("See, explain and predict what a prefix cache does to time to first token.")
    .version("0.1.0")
    .addHelpText("after", "\nExample:\n  npx prefixlab figure --out-dir out\n")
    .exitOverride()
    .configureOutput(output);
  const named = commands[argv[0] ?? ""];
  if (named) program.addCommand(prepared(await named[1]()));
  else
    for (const [name, [description]] of Object.entries(commands))
      program.command(name).description(description);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 || argv.length === 0 ? 0 : 2;
    const message = error instanceof Error ? error.message : String(error);
    printErr(`prefixlab ${argv[0] ?? ""}: ${message}\n`);
    if (process.env.PREFIXLAB_DEBUG && error instanceof Error) printErr(`${error.stack}\n`);
    return error instanceof InputError || isFileError(error) ? 2 : 1;
  }
}

/** What was typed is repeated in messages. */
const output = { writeOut: printOut, writeErr: printErr };

/** A command and its subcommands throw instead of exiting, so that exit codes are decided in one place. */
function prepared(command: Command): Command {
  command.exitOverride().configureOutput(output).showHelpAfterError("(see --help)");
  for (const sub of command.commands) prepared(sub);
  return command;
}

/** A path that cannot be read or written is input, not a defect. */
function isFileError(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    ["ENOENT", "EACCES", "EISDIR", "ENOTDIR", "EEXIST", "EPERM"].includes(String(error.code))
  );
}

/** Whoever reads what is printed may go before the work is done. */
function outliveReaders(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader such as `head` that has seen enough is not an error.
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read it, or the terminal, is gone: the work goes on.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });
}
