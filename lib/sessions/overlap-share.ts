import type { Blocks } from "../base/index.js";
import type { BlockTrie } from "./block-trie.js";

/** Tolerances that are tried, as shares of the parent's duration, smallest first. */
const SHARES = [0.01, 0.02, 0.05, 0.1];
/** Requests that it is learnt from, the first ones of the trace. */
const LEARNT_FROM = 200_000;
/** A band of overlaps belongs to the clocks where it holds this many times what requests side by side would put there. */
const CLOCK_RATIO = 3;

/**
 * How far into a request's recorded duration the next turn may arrive and still be taken to have waited for its end, as a
 * share of that duration; 0, 0.01, 0.02, 0.05 or 0.1. Ends are read by clients, and a few percent of a duration are clock and network.
 *
 * It is learnt from the trace's first 200,000 requests: of each that holds the whole prompt of an earlier one, the deepest, by how much of
 * the earlier one's duration it overlaps it. Requests sent side by side overlap by anything, clocks by little: the
 * tolerance is widened, band by band, while a band holds more than three times what evenly spread overlaps beyond a tenth
 * would put there.
 */
export function overlapShare(trie: BlockTrie): number {
  const { arrivalMs, endMs, chains, promptTokens } = trie.columns;
  const bands = new Float64Array(SHARES.length);
  let beyond = 0;
  trie.replay((record, depth) => {
    const before = deepestEnding(trie, chains[record], depth);
    if (before < 0 || promptTokens[before] >= promptTokens[record]) return;
    const durationMs = endMs[before] - arrivalMs[before];
    const overlapMs = endMs[before] - arrivalMs[record];
    if (overlapMs <= 0) return;
    const band = SHARES.findIndex((share) => overlapMs <= share * durationMs);
    if (band < 0) beyond++;
    else bands[band]++;
  }, LEARNT_FROM);
  const evenly = beyond / (1 - SHARES[SHARES.length - 1]);
  let tolerated = 0;
  for (const [band, share] of SHARES.entries()) {
    if (bands[band] === 0) continue;
    if (bands[band] <= CLOCK_RATIO * evenly * (share - tolerated)) break;
    tolerated = share;
  }
  return tolerated;
}

/** The latest request with the longest whole prompt within the first `depth` blocks of `chain`, -1 for none. */
function deepestEnding(trie: BlockTrie, chain: Int32Array, depth: Blocks): number {
  for (let d = depth; d > 0; d--) {
    const ended = trie.endedAt.at(chain[d - 1]);
    if (ended >= 0) return ended;
  }
  return -1;
}
