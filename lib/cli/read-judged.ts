import { type CommittedCapture, engineName, readCommitted } from "../captures/index.js";
import { accuracyScenarios, type ScenarioCapture } from "../judge/index.js";
import { sessionsOf } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";

/** Reads the committed captures that the accuracy page is made of, in their two roles. */
export async function readJudged(
  inventory: readonly CommittedCapture[],
): Promise<{ captures: ScenarioCapture[]; fitSets: Record<string, Trace[]> }> {
  const engines = new Set<string>(accuracyScenarios.map((scenario) => scenario.engine));
  const captures: ScenarioCapture[] = [];
  const fitSets: Record<string, Trace[]> = {};
  for (const entry of inventory) {
    const engine = engineName(entry);
    if (!engines.has(engine)) continue;
    const trace = await readCommitted(entry);
    if (entry.role === "fit") {
      fitSets[engine] ??= [];
      fitSets[engine].push(trace);
    } else {
      const { scenario, seed } = entry;
      captures.push({ engine, scenario, seed, trace, sessions: sessionsOf(trace) });
    }
  }
  return { captures, fitSets };
}
