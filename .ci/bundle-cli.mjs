// Puts the compiled command line into a few files, dist/bundle, and each worker's code into one: opening hundreds of small ones
// takes longer than what most commands do. What others import by name, and what runs in a process of its own, stays as it
// was compiled.
import { readdirSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { rolldown } from "rolldown";

/** Folder of the bundle in dist. Files beside each other: a module's own address is one folder up from each. */
export const bundleFolder = "bundle";

/** Bundles all, and removes what an earlier build left there. */
export async function bundleCli(dist) {
  const written = new Set([
    ...(await bundleEntry(dist, "program", join("cli", "program.js"))),
    ...(await bundleEntry(dist, "sweep-worker", join("sweep", "sweep-worker.js"))),
    ...(await bundleEntry(dist, "drawing-worker", join("figure", "drawing-worker.js"))),
  ]);
  for (const file of readdirSync(join(dist, bundleFolder)))
    if (!written.has(file)) rmSync(join(dist, bundleFolder, file));
}

/** Bundles one compiled file under a name, and returns the files that this took. */
async function bundleEntry(dist, name, entry) {
  const bundle = await rolldown({
    input: { [name]: join(dist, entry) },
    platform: "node",
    external: (id) => !/^[./]/.test(id) && !/^[A-Za-z]:/.test(id),
    // A room's index names everything in the room: what a command does not use is not loaded for it.
    treeshake: { moduleSideEffects: false },
    plugins: [{ name: "own-address", transform: (code, id) => ownAddress(code, relative(dist, id)) }],
  });
  const { output } = await bundle.write({
    dir: join(dist, bundleFolder),
    format: "esm",
    comments: { legal: true, annotation: false, jsdoc: false },
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
  });
  return output.map(({ fileName }) => fileName);
}

/** A module finds files beside it by its address: the one that it was compiled to, wherever it went. */
function ownAddress(code, path) {
  if (!code.includes("import.meta.url")) return null;
  const address = JSON.stringify(`../${path.split(sep).join("/")}`);
  return { code: code.replaceAll("import.meta.url", `new URL(${address}, import.meta.url).href`) };
}
