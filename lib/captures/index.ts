/**
 * The captures that ship with the project, in `data/`: which there are, in which role, and how to read one.
 *
 * A capture is fitted on or judged on, never both; `data/README.md` says how each was made.
 */
export {
  type CommittedCapture,
  committedCaptures,
  dataDir,
  engineName,
  readCapture,
  readCaptures,
  readCommitted,
} from "./committed-captures.js";
export { publishedArrivalSeeds, publishedArrivals } from "./published-arrivals.js";
