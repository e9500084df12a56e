import type { Pacing } from "../replay/index.js";

/** A scenario to judge: which captures, and what is replayed for them. */
export interface AccuracyScenario {
  readonly title: string;
  /** The engine that answered, without its version. */
  readonly engine: "vLLM" | "llama.cpp" | "vLLM-async" | "vLLM-sync";
  /** Scenario of the captures that are judged. */
  readonly judged: string;
  /** Scenario of the captures that are replayed, where these are not the judged ones themselves: the counterfactual. */
  readonly replayed?: string;
  readonly cache: "on" | "off";
  readonly pacing: Pacing;
  /** Whether it is replayed too as an engine that schedules the other way than the model says. */
  readonly againstOtherScheduling?: boolean;
}

/** What the accuracy page judges, in its order. */
export const accuracyScenarios: readonly AccuracyScenario[] = [
  { title: "multiturn, cache on", engine: "vLLM", judged: "warm", cache: "on", pacing: "session" },
  {
    title: "multiturn, cache off, predicted from the capture with it on",
    engine: "vLLM",
    judged: "cold",
    replayed: "warm",
    cache: "off",
    pacing: "session",
  },
  {
    title: "multiturn, cache off, replayed from itself",
    engine: "vLLM",
    judged: "cold",
    cache: "off",
    pacing: "session",
  },
  {
    title: "low-rate multiturn, cache off",
    engine: "vLLM",
    judged: "low-rate",
    cache: "off",
    pacing: "session",
  },
  { title: "poisson", engine: "vLLM", judged: "poisson", cache: "on", pacing: "open-loop" },
  { title: "burst", engine: "vLLM", judged: "burst", cache: "on", pacing: "open-loop" },
  { title: "staircase", engine: "vLLM", judged: "staircase", cache: "on", pacing: "open-loop" },
  // The client was a closed loop: at its recorded times it is given what a prediction must find out.
  {
    title: "staircase, closed loop",
    engine: "vLLM",
    judged: "staircase",
    cache: "on",
    pacing: "closed-loop",
  },
  {
    title: "llama.cpp, multiturn, cache on",
    engine: "llama.cpp",
    judged: "warm",
    cache: "on",
    pacing: "session",
  },
  {
    title: "llama.cpp, multiturn, cache off, predicted from the capture with it on",
    engine: "llama.cpp",
    judged: "cold",
    replayed: "warm",
    cache: "off",
    pacing: "session",
  },
  // Nothing in these captures tells how their engine schedules: the fit decides.
  ...(["vLLM-async", "vLLM-sync"] as const).flatMap((engine): AccuracyScenario[] => [
    {
      title: `${engine}, multiturn, cache on`,
      engine,
      judged: "warm",
      cache: "on",
      pacing: "session",
      againstOtherScheduling: true,
    },
    {
      title: `${engine}, multiturn, cache off, predicted from the capture with it on`,
      engine,
      judged: "cold",
      replayed: "warm",
      cache: "off",
      pacing: "session",
      againstOtherScheduling: true,
    },
  ]),
];
