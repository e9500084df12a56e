/**
 * The page with the simulator inside: a trace, the compiled engine and plotly in one HTML file.
 *
 * Read `explorer.ts` first (what a page may ask), then `explore-choices.ts` (what its reader may choose, by the flags of
 * `replay`), `packWorkload` of `lib/replay` (what of a trace is in the page, and what is not) and `render-explorer.ts` (how the page is
 * made). `page/` runs in a browser: `worker.ts` computes, `page.ts` shows; the build bundles both. Times are milliseconds,
 * pools tokens and blocks.
 */
export { type ExploreOptions, explore } from "./explore-in-notebook.js";
export {
  type ExploredModel,
  type ExploredTrace,
  type ExplorerOptions,
  renderExplorer,
} from "./render-explorer.js";
