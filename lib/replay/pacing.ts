/**
 * Open loop: every request at its recorded time. Session: turn N+1 follows turn N's completion by the think gap. Closed
 * loop: the next request, in recorded order, is sent when one of those in flight ends.
 */
export type Pacing = (typeof pacings)[number];
export const pacings = ["open-loop", "session", "closed-loop"] as const;
