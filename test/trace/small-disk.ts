import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A disk of some kilobytes, gone after the tests of the file; undefined where nothing may be mounted. */
export function smallDisk(kilobytes: number): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), "prefix lab disk "));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", dir]);
  afterAll(() => {
    if (status === 0) spawnSync("umount", ["-l", dir]);
    rmdirSync(dir);
  });
  return status === 0 ? dir : undefined;
}
