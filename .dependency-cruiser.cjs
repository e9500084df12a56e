/** The rooms and what each may import. Each rule says what to do instead. */
const rooms = {
  base: [],
  trace: ["base"],
  workload: ["base", "trace"],
  sessions: ["base", "trace"],
  latency: ["base", "trace"],
  engine: ["base", "latency"],
  survival: ["base"],
  replay: ["base", "trace", "workload", "sessions", "latency", "engine", "survival"],
  sweep: ["base", "trace", "sessions", "latency", "engine", "replay"],
  scale: ["base", "trace", "sessions", "survival", "replay"],
  figure: ["base", "trace", "sessions", "latency", "replay", "survival", "engine"],
  notebook: ["base", "figure"],
  capture: ["base", "trace", "workload", "sessions", "latency", "engine", "replay", "survival"],
};

const advice = {
  base: "lib/base is the ground floor: move what needs another room into that room.",
  trace: "lib/trace holds records and formats: anything that interprets them belongs in a later room.",
  workload: "lib/workload makes schedules and prompts: take results of other rooms as arguments.",
  sessions: "lib/sessions reads hash chains only: take latencies and plans as arguments.",
  latency: "lib/latency fits traces: it must not know the engine that will use the model.",
  engine: "lib/engine knows nothing of traces, sessions, warm or cold: describe requests with EngineRequest.",
  survival: "lib/survival is importable on its own: pass plain arrays.",
  replay: "lib/replay joins the rooms before it: charts belong in lib/figure, sockets in lib/capture.",
  sweep: "lib/sweep runs replays in parallel and keeps their rows: what one replay does belongs in lib/replay.",
  scale: "lib/scale streams traces that do not fit in memory: what is done with one that does belongs in the earlier rooms.",
  figure: "lib/figure draws results: compute them in lib/replay or lib/survival.",
  notebook: "lib/notebook runs cells: what cells import belongs in the package's other rooms.",
  capture: "lib/capture is the only room with sockets: charts belong in lib/figure.",
};

const forbidden = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: advice[room],
  severity: "error",
  from: { path: `^lib/${room}/` },
  to: { path: "^lib/", pathNot: `^lib/(${[room, ...allowed].join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: "rooms-through-their-index",
      comment: "Import another room through its index.ts, so that its public surface stays in one place.",
      severity: "error",
      from: { path: "^lib/([^/]+)/" },
      to: { path: "^lib/([^/]+)/", pathNot: ["^lib/$1/", "^lib/[^/]+/index\\.ts$"] },
    },
    {
      name: "no-cycles",
      comment: "Two files that import each other are one file, or hide a third: move the shared part out.",
      severity: "error",
      from: { path: "^lib/" },
      to: { circular: true, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "sockets-only-in-capture",
      comment: "Only lib/capture opens sockets: pass data in, or move the code there.",
      severity: "error",
      from: { path: "^lib/", pathNot: "^lib/capture/" },
      to: { path: "^(node:)?(http|https|net|tls|http2|dgram)$|node_modules/(undici|fastify)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: [".ts", ".js"] },
  },
};
