/** Milliseconds: every time in the library, unless a name says otherwise. */
export type Ms = number;

/** A count of tokens. */
export type Tokens = number;

/** A count of KV-cache blocks. */
export type Blocks = number;

/** A size of memory. */
export type Bytes = number;

/** Events per second: arrival rates, throughputs. */
export type PerSecond = number;
