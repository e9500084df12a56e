/**
 * Live replay: a plan sent to a real server, or to several behind a router, its content ids expanded to token blocks.
 *
 * Read `replay-live.ts` first, then `plan-prompts.ts` (what is sent), `drive-plan.ts` (when) and `live-fleet.ts` (where to). Times
 * are milliseconds.
 */
export { type LiveReplay, type LiveReplayOptions, type RecordedLabels, replayLive } from "./replay-live.js";
export type { ServerRow } from "./server-rows.js";
