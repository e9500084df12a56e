import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { InputError, WorkError } from "../../lib/base/index.js";
import { FileLock, replaceFile, writeWhole } from "../../lib/output/index.js";
import { fromRoot } from "../cli/run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab output "));
afterAll(() => rmSync(dir, { recursive: true }));

let folders = 0;
/** A new empty folder, so that what is left behind can be seen. */
function folder(): string {
  const path = join(dir, String(folders++));
  mkdirSync(path);
  return path;
}

describe("a file that is replaced", () => {
  it("is new, or stands in the place of the old one, and nothing else is left in the folder", async () => {
    const home = folder();
    await writeWhole(join(home, "a.txt"), "one");
    await writeWhole(join(home, "a.txt"), "two");
    expect(readFileSync(join(home, "a.txt"), "utf8")).toBe("two");
    expect(readdirSync(home)).toEqual(["a.txt"]);
  });

  it("is as it was when the writing fails halfway, and the error comes through", async () => {
    const home = folder();
    const path = join(home, "a.txt");
    writeFileSync(path, "before");
    const failure = new InputError("the trace lacks something");
    const writing = replaceFile(path, async (part) => {
      await writeFile(part, "half");
      throw failure;
    });
    await expect(writing).rejects.toBe(failure);
    expect(readFileSync(path, "utf8")).toBe("before");
    expect(readdirSync(home)).toEqual(["a.txt"]);
  });

  it("keeps its permissions, and a link leads where it led", async () => {
    const home = folder();
    const path = join(home, "secret.txt");
    writeFileSync(path, "before");
    chmodSync(path, 0o600);
    symlinkSync("secret.txt", join(home, "link"));
    await writeWhole(join(home, "link"), "after");
    expect(lstatSync(join(home, "link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("after");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is made where a link leads to nothing yet; links in a circle are refused", async () => {
    const home = folder();
    symlinkSync("later.txt", join(home, "link"));
    await writeWhole(join(home, "link"), "now");
    expect(readFileSync(join(home, "later.txt"), "utf8")).toBe("now");
    symlinkSync("two", join(home, "one"));
    symlinkSync("one", join(home, "two"));
    await expect(writeWhole(join(home, "one"), "x")).rejects.toThrow(/links lead in a circle/);
  });

  it("leaves another name of the old file with the old content", async () => {
    const home = folder();
    writeFileSync(join(home, "a"), "before");
    linkSync(join(home, "a"), join(home, "b"));
    await writeWhole(join(home, "a"), "after");
    expect(readFileSync(join(home, "b"), "utf8")).toBe("before");
  });

  it("may have a name as long as the file system takes", async () => {
    const home = folder();
    for (const name of ["n".repeat(255), "ü".repeat(127)]) {
      await writeWhole(join(home, name), "x");
      expect(readdirSync(home)).toContain(name);
    }
  });

  it("is refused by name where it cannot be written", async () => {
    const home = folder();
    await expect(writeWhole(join(home, "none", "a"), "x")).rejects.toThrow(
      /none.a: cannot be written \(ENOENT\)/,
    );
    await expect(writeWhole(home, "x")).rejects.toThrow(/expected a file or a new name, got a folder/);
    await expect(writeWhole("/dev/full", "x")).rejects.toThrow(WorkError);
  });

  it("is refused while somebody records into it", async () => {
    const path = join(folder(), "live.jsonl");
    writeFileSync(path, "recorded");
    const lock = FileLock.take(path);
    await expect(writeWhole(path, "x")).rejects.toThrow(/is recording into it/);
    lock.release();
    await writeWhole(path, "x");
  });

  it("is written directly where it is a pipe or a device", async () => {
    const pipe = join(folder(), "pipe");
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    const reader = spawn("cat", [pipe], { stdio: ["ignore", "pipe", "inherit"] });
    let read = "";
    reader.stdout.on("data", (chunk) => {
      read += chunk;
    });
    await Promise.all([writeWhole(pipe, "through"), once(reader, "close")]);
    expect(read).toBe("through");
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    await writeWhole("/dev/null", "x");
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
  });
});

/** Replaces a file in a process of its own, which tells when it is halfway and then never ends by itself. */
async function halfway(path: string, handler = "") {
  const output = fromRoot("dist", "output", "index.js");
  const program = `
    import { writeFileSync } from "node:fs";
    import { replaceFile } from ${JSON.stringify(output)};
    ${handler}
    await replaceFile(${JSON.stringify(path)}, async (part) => {
      writeFileSync(part, "half");
      process.stdout.write("halfway\\n");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  return child;
}

describe("a process that is ended while it replaces a file", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "leaves nothing behind at %s, and ends by it",
    async (signal) => {
      const home = folder();
      const path = join(home, "a.txt");
      writeFileSync(path, "before");
      const child = await halfway(path);
      expect(readdirSync(home)).toHaveLength(2);
      child.kill(signal);
      expect(await once(child, "exit")).toEqual([null, signal]);
      expect(readFileSync(path, "utf8")).toBe("before");
      expect(readdirSync(home)).toEqual(["a.txt"]);
    },
  );

  it("leaves nothing behind when it exits by itself, also in answer to a signal that it handles", async () => {
    for (const handler of [
      'process.on("SIGTERM", () => process.exit(7));',
      'process.on("SIGTERM", () => { throw new Error("x"); });',
    ]) {
      const home = folder();
      const child = await halfway(join(home, "a.txt"), handler);
      child.kill("SIGTERM");
      await once(child, "exit");
      expect(readdirSync(home)).toEqual([]);
    }
  });

  it("goes on where the program listens to a signal once: it is the program that decides", async () => {
    const home = folder();
    const path = join(home, "a.txt");
    const handler = 'process.once("SIGINT", () => process.stdout.write("stopping\\n"));';
    const child = await halfway(path, handler);
    child.kill("SIGINT");
    await once(child.stdout, "data");
    expect([child.exitCode, child.signalCode, readdirSync(home).length]).toEqual([null, null, 1]);
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([null, "SIGINT"]);
    expect(readdirSync(home)).toEqual([]);
  });

  it("leaves the old file whole at kill -9, beside a hidden file that the next one does not mind", async () => {
    const home = folder();
    const path = join(home, "a.txt");
    writeFileSync(path, "before");
    const child = await halfway(path);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(readFileSync(path, "utf8")).toBe("before");
    expect(readdirSync(home).filter((name) => !name.startsWith("."))).toEqual(["a.txt"]);
    await writeWhole(path, "after");
    expect(readFileSync(path, "utf8")).toBe("after");
  });
});

it("handlers of signals are there only while something is written", async () => {
  const count = () => process.listenerCount("SIGTERM");
  const before = count();
  await replaceFile(join(folder(), "a"), async () => expect(count()).toBe(before + 1));
  expect(count()).toBe(before);
  expect(existsSync(join(dir, "0"))).toBe(true);
});
