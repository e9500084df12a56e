// What stops a recording, and what is on disk then: for each way, requests that their clients had whole answers to, records
// that can be read, and what the command said. Prints a table in Markdown.
//
//   node test/soak/stops.mjs [--seconds 2]
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readTrace } from "../../dist/trace/files/index.js";
import { command, pacedUpstream, tapCommand } from "./tap-process.mjs";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "2" } } });
const CLIENTS = 8;
const directory = mkdtempSync(join(tmpdir(), "prefixlab-stops-"));
const upstream = await pacedUpstream({ tokens: 8, gapMs: 3 });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Clients that ask one request after another until they fail; counts the answers that were whole. */
function traffic(url) {
  const agent = new Agent({ keepAlive: true });
  const count = { whole: 0, inFlight: 0, cut: 0 };
  let isOver = false;
  const one = () =>
    new Promise((resolve) => {
      count.inFlight++;
      const end = (isWhole) => {
        count.inFlight--;
        if (isWhole) count.whole++;
        resolve(isWhole);
      };
      const sent = request(`${url}/v1/completions`, { method: "POST", agent }, (response) => {
        response.resume();
        response.on("end", () => end(response.complete));
        response.on("error", () => end(false));
      });
      sent.on("error", () => end(false));
      sent.end(JSON.stringify({ model: "m", prompt: "a prompt that fills a block", stream: true }));
    });
  const all = Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (!isOver && (await one()));
    }),
  );
  return {
    count,
    async end() {
      isOver = true;
      await all;
      agent.destroy();
    },
  };
}

const readable = async (path) => {
  if (!existsSync(path)) return { records: 0, warnings: ["no file"] };
  return readTrace(path).then(
    ({ records, warnings }) => ({
      records: records.length,
      warnings: warnings
        .map(({ reason }) => reason)
        .filter((reason) => /closed|cut|lost|written/.test(reason)),
    }),
    (error) => ({ records: 0, warnings: [error.message] }),
  );
};

const rows = [];
function row(what, whole, read, code, said) {
  rows.push([what, whole, read.records, code, read.warnings.join("; ") || "-", said]);
}
const lastOf = (said) => said.trim().split("\n").at(-1)?.replaceAll(directory, "") ?? "";

const endings = {
  "Ctrl-C": (child) => child.kill("SIGINT"),
  SIGTERM: (child) => child.kill("SIGTERM"),
  SIGHUP: (child) => child.kill("SIGHUP"),
  "kill -9": (child) => child.kill("SIGKILL"),
  "two Ctrl-C": (child) => {
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGINT"), 20);
  },
  "stderr closed, then Ctrl-C": async (child) => {
    child.stderr.destroy();
    await sleep(200);
    child.kill("SIGINT");
  },
};

for (const name of ["tap.jsonl", "tap.jsonl.gz"])
  for (const [what, stop] of Object.entries(endings)) {
    const traceOut = join(directory, `${rows.length}-${name}`);
    const tap = await tapCommand(upstream.url, traceOut);
    const clients = traffic(tap.url);
    await sleep(1000 * Number(values.seconds));
    await stop(tap.child);
    const code = await tap.exited;
    const { whole } = clients.count;
    await clients.end();
    row(`tap, ${name.slice(4)}: ${what}`, whole, await readable(traceOut), code, lastOf(tap.said()));
  }

/** A file system of 64 KB, where this may be mounted. */
function smallDisk() {
  const path = join(directory, "small");
  const made = spawnSync("sh", ["-c", `mkdir -p ${path} && mount -t tmpfs -o size=64k tmpfs ${path}`]);
  return made.status === 0 ? path : undefined;
}
const disk = smallDisk();
if (disk) {
  const traceOut = join(disk, "tap.jsonl");
  const tap = await tapCommand(upstream.url, traceOut);
  const clients = traffic(tap.url);
  await sleep(2000 * Number(values.seconds));
  await clients.end();
  await sleep(1000);
  tap.child.kill("SIGINT");
  const code = await tap.exited;
  row("tap: a disk of 64 KB", clients.count.whole, await readable(traceOut), code, lastOf(tap.said()));
  rmSync(traceOut, { force: true });
  const again = join(disk, "again.jsonl");
  const second = await tapCommand(upstream.url, again);
  const more = traffic(second.url);
  await sleep(2000 * Number(values.seconds));
  await more.end();
  spawnSync("mount", ["-o", "remount,size=16m", disk]);
  await sleep(2000);
  second.child.kill("SIGINT");
  const code2 = await second.exited;
  row(
    "tap: that disk, grown meanwhile",
    more.count.whole,
    await readable(again),
    code2,
    lastOf(second.said()),
  );
  spawnSync("umount", [disk]);
}

for (const [what, stop] of [
  ["Ctrl-C", endings["Ctrl-C"]],
  ["kill -9", endings["kill -9"]],
]) {
  const traceOut = join(directory, `load-${rows.length}.jsonl`);
  const args = ["loadgen", "--url", upstream.url, "--model", "m", "--pattern", "poisson", "--rate", "50"];
  const shape = ["--duration", "60", "--prompt-tokens", "32", "--output-tokens", "8", "--prompt-as", "text"];
  const run = await command([...args, ...shape, "--trace-out", traceOut]);
  await sleep(2000 + 1000 * Number(values.seconds));
  await stop(run.child);
  const code = await run.exited;
  const path = existsSync(traceOut) ? traceOut : `${traceOut}.partial`;
  row(`loadgen: ${what}`, "-", await readable(path), code, path === traceOut ? "FILE" : "FILE.partial");
}
upstream.close();
rmSync(directory, { recursive: true, force: true });
const heads = ["what stops it", "answers whole", "records readable", "exit", "the reader warns", "last line"];
console.log(`| ${heads.join(" | ")} |\n|${" --- |".repeat(heads.length)}`);
for (const cells of rows) console.log(`| ${cells.join(" | ")} |`);
process.exit();
