import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FileLock, fileWriter, lockPath } from "../../lib/output/index.js";
import { fromRoot } from "../cli/run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab lock "));
afterAll(() => rmSync(dir, { recursive: true }));

/** Takes the lock of a file in another process, and says how that went. */
function otherProcess(file: string, then = "") {
  const output = fromRoot("dist", "output", "index.js");
  const program = `import { FileLock } from ${JSON.stringify(output)};
    try { FileLock.take(${JSON.stringify(file)}); process.stdout.write("taken"); ${then} }
    catch (error) { process.stdout.write(error.message); }`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
}

describe("a file's lock", () => {
  it("has one holder, in this process and between processes, and is gone once released", () => {
    const file = join(dir, "one");
    const lock = FileLock.take(file);
    expect(fileWriter(file)).toBe(process.pid);
    expect(() => FileLock.take(file)).toThrow(`process ${process.pid} is recording into it`);
    expect(otherProcess(file).stdout).toContain(`process ${process.pid} is recording into it`);
    lock.release();
    expect(existsSync(lockPath(file))).toBe(false);
    expect(fileWriter(file)).toBeUndefined();
    expect(otherProcess(file).stdout).toBe("taken");
    expect(existsSync(lockPath(file))).toBe(false);
  });

  it("of a process that was killed is taken over", () => {
    const file = join(dir, "two");
    expect(otherProcess(file, 'process.kill(process.pid, "SIGKILL");').signal).toBe("SIGKILL");
    expect(existsSync(lockPath(file))).toBe(true);
    expect(fileWriter(file)).toBeUndefined();
    FileLock.take(file).release();
  });

  it.skipIf(process.platform !== "linux")(
    "of an earlier process with an id that another one has now, too",
    () => {
      const file = join(dir, "three");
      const lock = FileLock.take(file);
      const text = readFileSync(lockPath(file), "utf8");
      lock.release();
      for (const stale of [text.replace(/\d+\n$/, "1\n"), text.replace(/\n.*\n$/, "\n0-0 7\n")]) {
        writeFileSync(lockPath(file), stale);
        expect(fileWriter(file)).toBeUndefined();
        FileLock.take(file).release();
      }
    },
  );

  it("that is no lock of ours is left alone, and named", () => {
    const file = join(dir, "four");
    writeFileSync(lockPath(file), "something else");
    expect(() => FileLock.take(file)).toThrow(/four\.lock is there and holds no process id/);
    expect(readFileSync(lockPath(file), "utf8")).toBe("something else");
  });
});
