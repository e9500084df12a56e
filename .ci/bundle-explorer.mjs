// Bundles what runs in the explorer's page: the simulator (a worker's script) and the page around it, from compiled code.
import { join } from "node:path";
import { rolldown } from "rolldown";

/** Modules that a page cannot have, and who asks for them. */
export async function bundleExplorer(root) {
  const outside = [];
  for (const name of ["worker", "page"]) {
    const bundle = await rolldown({
      input: join(root, "dist", "explore", "page", `${name}.js`),
      platform: "browser",
      treeshake: { moduleSideEffects: false },
      onLog: () => undefined,
      plugins: [
        {
          name: "outside",
          async resolveId(source, importer, options) {
            const found = await this.resolve(source, importer, { ...options, skipSelf: true });
            if (found && !found.external && !found.id.startsWith("node:")) return found;
            outside.push(`${importer?.replace(root, "")}: ${source}`);
            return { id: source, external: true };
          },
        },
      ],
    });
    await bundle.write({
      file: join(root, "dist", "explore", "bundle", `${name}.js`),
      format: "iife",
      name: `prefixlabExplore${name === "page" ? "Page" : "Worker"}`,
      minify: true,
      sourcemap: false,
    });
    await bundle.close();
  }
  return outside;
}
