import { capturedWorkloads } from "./captures.js";
import { lateEnds, reasoningDropped, wholeSeconds, withRetries } from "./changed.js";
import { drawnChats, hasTau, ragSingleShots, tauConversations } from "./generated.js";
import type { Half, LabelledWorkload } from "./labelled.js";
import { hasWekaFiles, wekaFiles, wekaInterleaved } from "./weka.js";

export const hasPublicData = hasTau && hasWekaFiles;

/** All workloads of a half: what confidences are fitted on, or reported on. */
export async function workloadsOf(half: Half): Promise<LabelledWorkload[]> {
  const all: LabelledWorkload[] = [];
  const captures = (await capturedWorkloads()).filter((workload) => workload.half === half);
  all.push(...captures);
  for (const [k, capture] of captures.entries()) {
    all.push(reasoningDropped(capture, 2 + (k % 7)));
    all.push(lateEnds(capture, 0.03, k));
    if (k % 2 === 0) all.push(withRetries(capture, 0.03, k));
  }
  if (hasPublicData) {
    const files = wekaFiles(half);
    const some = (from: number, n: number) =>
      Array.from({ length: n }, (_, i) => files[(3 * from + i) % files.length] as string);
    for (const [seed, minutes] of [1, 5, 60, 600].entries())
      all.push(wekaInterleaved(files, { seed, spreadMs: minutes * 60_000, half }));
    for (let k = 0; k < 6; k++)
      all.push(wekaInterleaved(some(k, 2 + k), { seed: 10 + k, spreadMs: 30 * 60_000, half }));
    for (let k = 0; k < 3; k++)
      all.push(
        wekaInterleaved(files, {
          seed: 20 + k,
          spreadMs: [10, 100, 1000][k]! * 60_000,
          half,
          subAgents: true,
        }),
      );
    const weka = wekaInterleaved(files, { seed: 30, spreadMs: 3_600_000, half });
    for (const factor of [2, 3, 4, 6, 8]) all.push(reasoningDropped(weka, factor));
    all.push(withRetries(weka, 0.03, 1), lateEnds(weka, 0.02, 1));
    for (const [seed, runs] of [1, 1, 2, 3].entries()) {
      const tau = tauConversations(half, seed, runs);
      all.push(tau);
      if (runs === 1) {
        for (const factor of [2, 4, 8]) all.push(reasoningDropped(tau, factor));
        all.push(withRetries(tau, 0.05, seed), lateEnds(tau, 0.02, seed), wholeSeconds(tau));
      }
    }
  }
  for (let seed = 0; seed < 120; seed++) {
    const rag = ragSingleShots(seed);
    if (rag.half === half) all.push(rag);
    const chats = drawnChats(seed);
    if (chats.half === half) {
      all.push(chats);
      if (seed % 5 === 0) all.push(withRetries(chats, 0.05, seed), lateEnds(chats, 0.03, seed));
    }
  }
  return all;
}
