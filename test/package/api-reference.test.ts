import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./install-package.js";

describe("the API reference", () => {
  it("is made without a warning: every link leads somewhere, every type in a signature is there", () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, "node_modules", "typedoc", "bin", "typedoc"), "--emit", "none", "--logLevel", "Warn"],
      { cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
    );
    expect(stdout + stderr).toBe("");
    expect(status).toBe(0);
  }, 300_000);
});
