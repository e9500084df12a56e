import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./install-package.js";

const exported = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).exports as Record<
  string,
  string
>;

/** Scripts are run by hand and are not compiled: nothing else sees that a name they import is gone. */
const scripts = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" }).filter(
  (path) => path.endsWith(".mjs") && !path.includes("fixtures"),
);

it("every name that a script imports from the package is exported there", async () => {
  const missing: string[] = [];
  let imported = 0;
  for (const script of scripts) {
    const text = readFileSync(join(root, "test", script), "utf8");
    for (const [, list = "", entry = ""] of text.matchAll(/^import \{([^}]*)\} from "prefixlab([^"]*)";/gm)) {
      const names: object = await import(join(root, exported[`.${entry}`] ?? "no such entry"));
      for (const name of list.split(",").map((part) => part.trim().split(" as ")[0] as string)) {
        if (name === "") continue;
        imported++;
        if (!(name in names)) missing.push(`${script}: ${name} from prefixlab${entry}`);
      }
    }
  }
  expect(missing).toEqual([]);
  expect(imported).toBeGreaterThan(20);
});
