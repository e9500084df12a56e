// Session inference of a million requests.
import { benchSessions } from "./sessions.bench.mjs";
import { below, result, sortYardstickSeconds } from "./yardstick.mjs";

export function bench() {
  sortYardstickSeconds();
  return ["conversations", "strangers"].map((workload) => {
    const { case: name, seconds, rssBytes } = benchSessions({ workload });
    return result({ name, value: seconds, unit: "s", aim: below(10), seconds, rssBytes });
  });
}
