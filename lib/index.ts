/**
 * prefixlab: see, explain and predict what a prefix cache does to time to first token.
 *
 * The names here are those of an analysis, in the order of the pipeline: read a trace, find its sessions, fit a model,
 * replay, compare, draw. Each room has an entry of its own with all it offers: `prefixlab/engine`, `prefixlab/judge`,
 * `prefixlab/trace`, `prefixlab/survival`, ...; what opens sockets is in `prefixlab/capture`.
 */
export { InputError, mean, median, nonNegativeLeastSquares, quantile, stream } from "./base/index.js";
export { hitRateCurve } from "./cache/index.js";
export {
  committedCaptures,
  dataDir,
  publishedArrivals,
  readCapture,
  readCaptures,
} from "./captures/index.js";
export {
  type CohortName,
  type CohortSummary,
  cohortIndices,
  cohortNames,
  completedCount,
  inspectTrace,
  summarizeCohorts,
  ttftSurvival,
} from "./cohorts/index.js";
export { type EngineRequest, simulate } from "./engine/index.js";
export {
  cacheEffectFigure,
  describeFigure,
  display,
  formatCount,
  formatMs,
  formatPercent,
  gapChart,
  hashTreeChart,
  hitRateChart,
  loadChart,
  type PlotlyFigure,
  pacingChart,
  renderHtml,
  renderPng,
  renderSvg,
  requestTimelineChart,
  residualChart,
  serviceCurveChart,
  survivalPanels,
  sweepChart,
  tableChart,
  writeFigure,
  xyChart,
} from "./figure/index.js";
export { fitLatency, type LatencyFit } from "./fit/index.js";
export {
  alignTraces,
  type Comparison,
  cacheEffect,
  compareTraces,
  type ErrorCell,
  publishedScenario,
} from "./judge/index.js";
export {
  type LatencyModel,
  latencyModelFromJson,
  latencyProfile,
  physicalModel,
  profileNames,
  type StepLoad,
} from "./latency/index.js";
export {
  capturedEngine,
  capturedPacing,
  loadOverTime,
  type Pacing,
  type Plan,
  planReplay,
  type Replay,
  type ReplayOptions,
  replay,
  replayConditions,
  replayRecordedTimes,
  simulateSessions,
} from "./replay/index.js";
export { type SampleOptions, sampleTrace, type TraceSample } from "./sample/index.js";
export {
  explainEdge,
  inferSessions,
  recordedSessions,
  type SessionLabels,
  type Sessions,
  scoreSessions,
  sessionsOf,
  thinkGapsMs,
  type Workload,
  waitsOf,
  workloadOf,
} from "./sessions/index.js";
export { type EngineSettings, engineSettings, engineSettingsOf } from "./settings/index.js";
export {
  kaplanMeier,
  pointwiseBand,
  quantileInterval,
  quantileOf,
  type SurvivalCurve,
} from "./survival/index.js";
export { queryTables, requestTable, type Table, tableOf } from "./table/index.js";
export {
  exportFormats,
  exportTrace,
  fingerprintTokens,
  importFormats,
  importTrace,
  readTrace,
  writeTrace,
} from "./trace/files/index.js";
export {
  decodeMs,
  isAnswered,
  isComplete,
  meanGapMs,
  type Trace,
  type TraceMeta,
  type TraceRecord,
  totalMs,
} from "./trace/index.js";
export { planSessions, poissonArrivals } from "./workload/index.js";
