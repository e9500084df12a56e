/**
 * Live replay: a plan sent to a real server, its content ids expanded to token blocks.
 *
 * Read `replay-live.ts` first, then `plan-prompts.ts` (what is sent) and `drive-plan.ts` (when). Times are milliseconds.
 */
export { type LiveReplay, type LiveReplayOptions, type RecordedLabels, replayLive } from "./replay-live.js";
