/** How a choice stands in the form. */
export interface FormRow {
  /** Among the choices; see `exploreControls`. */
  readonly name: string;
  readonly label: string;
  /** Ends of its slider, where it has one; "log" moves it by factors. */
  readonly slider?: { readonly min: number; readonly max: number; readonly scale: "log" | "linear" };
  /** What it is where the reader chose nothing and no answer tells it. */
  readonly usual?: string;
}

/** A part of the form. */
export interface FormGroup {
  readonly title: string;
  /** Folded until it is asked for. */
  readonly isFolded?: boolean;
  readonly rows: readonly FormRow[];
}

const log = (min: number, max: number) => ({ min, max, scale: "log" as const });
const linear = (min: number, max: number) => ({ min, max, scale: "linear" as const });

/** The form, from top to bottom. The pool's row has a second field, in GiB, and its slider's ends are the trace's. */
export const formGroups: readonly FormGroup[] = [
  {
    title: "Cache",
    rows: [
      { name: "enable-prefix-caching", label: "prefix caching" },
      { name: "cold-prompts", label: "make every prompt unique", usual: "off" },
      { name: "kv-cache-size", label: "pool, blocks", slider: log(1, 1e6) },
      { name: "block-size", label: "block, tokens", slider: log(1, 1024) },
      { name: "eviction", label: "eviction" },
    ],
  },
  {
    title: "Workload",
    rows: [
      { name: "rate-scale", label: "arrivals, times as fast", slider: log(0.1, 10), usual: "1" },
      { name: "think-scale", label: "think time, times as long", slider: linear(0, 5), usual: "1" },
      { name: "turns", label: "turns of a session, at most", slider: linear(1, 10) },
      { name: "pacing", label: "pacing" },
      { name: "max-concurrency", label: "closed loop of so many" },
    ],
  },
  {
    title: "Engine",
    rows: [
      { name: "max-num-batched-tokens", label: "token budget of a step", slider: log(64, 32768) },
      { name: "max-num-seqs", label: "running requests, at most", slider: log(1, 1024) },
      { name: "async-scheduling", label: "asynchronous scheduling" },
    ],
  },
  {
    title: "Client",
    rows: [
      { name: "request-timeout", label: "gives up after, s" },
      { name: "on-timeout", label: "and then", usual: "next-turn" },
    ],
  },
  {
    title: "Fleet",
    rows: [
      { name: "replicas", label: "replicas", slider: linear(1, 16), usual: "1" },
      { name: "router", label: "router" },
    ],
  },
  {
    title: "Memory behind the pool",
    rows: [
      { name: "cpu-kv-gib", label: "CPU, GiB", usual: "0" },
      { name: "cpu-kv-gbps", label: "CPU to pool, GB/s", usual: "25" },
      { name: "disk-kv-gib", label: "disk, GiB", usual: "0" },
      { name: "disk-kv-gbps", label: "disk to pool, GB/s", usual: "5" },
      { name: "shared-kv-gib", label: "store that replicas share, GiB", usual: "0" },
      { name: "shared-kv-gbps", label: "shared store to pool, GB/s", usual: "25" },
    ],
  },
  {
    title: "More",
    isFolded: true,
    rows: [
      { name: "scheduling-policy", label: "scheduling" },
      { name: "long-prefill-token-threshold", label: "longest chunk of a prefill" },
      { name: "scheduler-reserve-full-isl", label: "wait for room for the whole prompt" },
      { name: "prefix-reuse", label: "prefixes are found in" },
      { name: "kv-chunk-tokens", label: "tokens moved as one below the pool" },
      { name: "offload-prompt-only", label: "prompts alone are stored below the pool" },
      { name: "bytes-per-token", label: "bytes of KV a token" },
      { name: "seed", label: "seed", usual: "1" },
    ],
  },
];
