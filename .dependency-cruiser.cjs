/** The rooms and what each may import. Each rule says what to do instead. */
const rooms = {
  base: [],
  settings: ["base"],
  trace: ["base", "settings"],
  captures: ["base", "trace", "trace/files"],
  sessions: ["base", "settings", "trace"],
  survival: ["base"],
  cohorts: ["base", "settings", "trace", "sessions", "survival"],
  workload: ["base", "trace"],
  hardware: ["base", "settings"],
  latency: ["base", "settings", "hardware"],
  fit: ["base", "settings", "trace", "hardware", "latency"],
  cache: ["base"],
  engine: ["base", "settings", "latency", "cache"],
  fleet: ["base", "settings", "latency", "cache", "engine"],
  replay: [
    "base",
    "settings",
    "trace",
    "sessions",
    "survival",
    "cohorts",
    "workload",
    "hardware",
    "latency",
    "fit",
    "cache",
    "engine",
    "fleet",
  ],
};
rooms.judge = [...rooms.replay, "replay"];
rooms.calibrate = [...rooms.judge, "judge"];
rooms.explain = [...rooms.judge, "judge"];
rooms.size = [...rooms.judge, "judge"];
rooms.sample = ["base", "trace", "sessions", "survival", "cache", "replay"];
rooms.output = ["base"];
rooms.sweep = [...rooms.judge, "judge", "trace/files", "output"];
rooms.table = ["base", "settings", "trace", "sessions"];
rooms.scale = [
  "base",
  "settings",
  "trace",
  "trace/files",
  "sessions",
  "survival",
  "cohorts",
  "output",
  "table",
];
rooms.figure = ["base", "trace", "sessions", "survival", "cohorts", "output", "table"];
rooms.explore = [
  ...rooms.judge,
  "judge",
  "calibrate",
  "explain",
  "size",
  "sample",
  "figure",
];
rooms.course = ["base"];
rooms.notebook = ["base", "figure", "output", "course"];
rooms.capture = [...rooms.judge, "judge", "explain", "trace/files", "output"];

const advice = {
  base: "lib/base is the ground floor: move what needs another room into that room.",
  settings: "lib/settings names and checks engine settings: what they do belongs in lib/engine or lib/cache.",
  trace: "lib/trace holds records and formats: anything that interprets them belongs in a later room.",
  captures: "lib/captures reads what is in data/: what is done with it belongs in a later room.",
  sessions: "lib/sessions reads hash chains only: take latencies and plans as arguments.",
  survival: "lib/survival is importable on its own: pass plain arrays.",
  cohorts: "lib/cohorts describes one trace: comparing two belongs in lib/judge.",
  workload: "lib/workload makes schedules and prompts: take results of other rooms as arguments.",
  hardware: "lib/hardware knows cards and model shapes: step times belong in lib/latency.",
  latency: "lib/latency prices a step: learning the prices from traces belongs in lib/fit.",
  fit: "lib/fit makes models from traces: it must not know the engine that will use them.",
  cache: "lib/cache is where KV is kept and found: it knows no scheduler and no clock.",
  engine: "lib/engine knows nothing of traces, sessions, cache off or unique prompts: describe requests with EngineRequest.",
  fleet: "lib/fleet sends requests to engines: what one engine does belongs in lib/engine.",
  replay: "lib/replay makes plans and runs them: comparing with a capture belongs in lib/judge, charts in lib/figure.",
  judge: "lib/judge compares and decides: what it compares is made in the rooms before it, printed in lib/cli.",
  calibrate: "lib/calibrate decides by replaying what a fit supposes: the fit itself belongs in lib/fit.",
  explain: "lib/explain says why tokens were computed: what is printed of it belongs in lib/cli, charts in lib/figure.",
  size: "lib/size says how much memory a workload needs: what is printed of it belongs in lib/cli, charts in lib/figure.",
  sample: "lib/sample chooses parts of a trace: what is read off them belongs in other rooms, printed in lib/cli.",
  output: "lib/output writes files whole: what is written is made in other rooms.",
  sweep: "lib/sweep runs replays in parallel and keeps their rows: what one replay does belongs in lib/replay.",
  table: "lib/table holds rows and asks them in SQL: what the rows are is computed in earlier rooms, charts of them are in lib/figure.",
  scale: "lib/scale streams traces that do not fit in memory: what is done with one that does belongs in the earlier rooms.",
  figure: "lib/figure draws results: compute them in lib/judge, lib/cohorts or lib/survival; it never runs an engine.",
  explore: "lib/explore shows what other rooms compute: compute it there; files are written in lib/cli.",
  course: "lib/course checks answers: the exercises and their solutions stand in the notebooks.",
  notebook: "lib/notebook runs cells: what cells import belongs in the package's other rooms.",
  capture: "lib/capture is the only room with sockets: charts belong in lib/figure.",
};

/** Room as a path below lib/; trace's files stand apart from its records, and need Node. */
const inRoom = (room) => (room === "trace" ? "trace/(?!files/)" : `${room}/`);

const forbidden = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: advice[room],
  severity: "error",
  from: { path: `^lib/${inRoom(room)}` },
  to: { path: "^lib/", pathNot: `^lib/(${[room, ...allowed].map(inRoom).join("|")})` },
}));

/** From base to sample: what a page in a browser can run. */
const bundled = Object.keys(rooms).slice(0, Object.keys(rooms).indexOf("sample") + 1).filter((room) => room !== "captures");

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: "rooms-through-their-index",
      comment: "Import another room through its index.ts, so that its public surface stays in one place.",
      severity: "error",
      from: { path: "^lib/([^/]+)/" },
      to: { path: "^lib/([^/]+)/", pathNot: ["^lib/$1/", "^lib/([^/]+|trace/files)/index\\.ts$"] },
    },
    {
      name: "trace-files-import-records-only",
      comment: "lib/trace/files reads and writes records: anything that interprets them belongs in a later room.",
      severity: "error",
      from: { path: "^lib/trace/files/" },
      to: { path: "^lib/", pathNot: "^lib/(base|settings|trace|output)/" },
    },
    {
      name: "runs-in-a-browser",
      comment: "The rooms from base to sample can be bundled for a page: what needs Node belongs in lib/trace/files or a later room.",
      severity: "error",
      from: { path: `^lib/(${bundled.map(inRoom).join("|")})` },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "engine-apart-from-traces",
      comment: "No path may lead from lib/engine to a trace: describe requests with EngineRequest.",
      severity: "error",
      from: { path: "^lib/(engine|cache|latency)/" },
      to: { path: "^lib/(trace|sessions|cohorts)/", reachable: true },
    },
    {
      name: "no-engine-behind-figure-and-scale",
      comment: "lib/figure and lib/scale never run an engine: describe results with the types of the rooms before it.",
      severity: "error",
      from: { path: "^lib/(figure|scale)/" },
      to: { path: "^lib/(engine|fleet|cache)/", reachable: true },
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
