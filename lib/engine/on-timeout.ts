/**
 * What becomes of the requests that follow one that its client gave up on: next-turn sends them as if it had been
 * answered at that moment; end-session never sends them, nor what follows them.
 */
export type OnTimeout = (typeof onTimeouts)[number];
export const onTimeouts = ["next-turn", "end-session"] as const;
