// The summary on the screen, and the room's part of REPORT.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const reportUrl = new URL("./REPORT.md", import.meta.url);
const reasonsUrl = new URL("./reasons.json", import.meta.url);
const leastScore = 0.85;
const lived = new Set(["survived", "not reached"]);

/** Prints the score and the survivors that nobody has explained; true when there is nothing to complain of. */
export function printSummary({ room, results, minutes }) {
  const reasons = readReasons();
  const survivors = results.filter(({ status }) => lived.has(status));
  const unexplained = survivors.filter(({ key }) => reasons[key] === undefined);
  for (const { key, line, status } of unexplained) console.log(`  ${status}, line ${line}: ${key}`);
  const keys = new Set(results.map(({ key }) => key));
  const survived = new Set(survivors.map(({ key }) => key));
  for (const key of Object.keys(reasons))
    if (keys.has(key) && !survived.has(key)) console.log(`  found now, its reason can go: ${key}`);
  console.log(
    `${room}: ${percent(scoreOf(results))} of ${results.length} mutants found, ${survivors.length} survive (${unexplained.length} unexplained), ${minutes.toFixed(1)} min`,
  );
  return unexplained.length === 0 && scoreOf(results) >= leastScore;
}

/** Puts the room's part into the report, in place of the one before. */
export function writeReport(measured) {
  const before = existsSync(reportUrl) ? readFileSync(reportUrl, "utf8") : head;
  const parts = new Map(
    before
      .split(/^(?=## )/m)
      .slice(1)
      .map((part) => [part.match(/^## lib\/(\S+)/)[1], part]),
  );
  parts.set(measured.room, roomPart(measured));
  const rooms = [...parts.keys()].sort();
  writeFileSync(reportUrl, head + rooms.map((room) => `${parts.get(room).trimEnd()}\n`).join("\n"));
}

const head = `# Mutants that the tests find

\`npm run mutate -- --room fit\` changes one place of a room at a time (an operator, a comparison's edge, a number, a
condition, a returned value, a removed statement, a dropped \`filter\` or \`Math.abs\`; \`instrument.mjs\` has them all) and
runs the tests of that room alone that reach the place. A mutant is found when a test fails, or when loops take twenty times the
turns that they take without it. The score counts every mutant, also those that no test could find because they
change nothing. The comparison with the committed accuracy page is left out: every number of it changes with any mutant.
Tables that a script wrote have no mutants.
Survivors' reasons are kept in \`reasons.json\`. The tests' random cases are the same for every mutant.

`;

function roomPart({ room, mutants, results, tests, sampled, seed }) {
  const reasons = readReasons();
  const survivors = results.filter(({ status }) => lived.has(status));
  const lines = [`## lib/${room}`, ""];
  const found = results.length - survivors.length;
  const interval = sampled
    ? `, drawn with seed ${seed} from ${mutants}; 95 % interval ${wilson(found, results.length).map(percent).join(" to ")} (Wilson)`
    : "";
  lines.push(
    `**${percent(found / results.length)}** of ${results.length} mutants found by ${tests} tests${interval}. Random cases: seed ${seed}.`,
    "",
    "| file | mutants | found | of them endless | survived | not reached | score |",
    "|---|---|---|---|---|---|---|",
  );
  for (const [file, own] of groupByFile(results)) {
    const count = (status) => own.filter((result) => result.status === status).length;
    const foundHere = count("killed") + count("timed out");
    lines.push(
      `| ${file} | ${own.length} | ${foundHere} | ${count("timed out")} | ${count("survived")} | ${count("not reached")} | ${percent(foundHere / own.length)} |`,
    );
  }
  if (survivors.length > 0) {
    lines.push("", "| survivor | why |", "|---|---|");
    for (const { key } of survivors)
      lines.push(
        `| \`${key.replaceAll("|", "\\|")}\` | ${(reasons[key] ?? "**unexplained**").replaceAll("|", "\\|")} |`,
      );
  }
  return `${lines.join("\n")}\n`;
}

/** In the order of the results. */
function groupByFile(results) {
  const groups = new Map();
  for (const result of results) {
    const group = groups.get(result.file);
    if (group) group.push(result);
    else groups.set(result.file, [result]);
  }
  return groups;
}

function readReasons() {
  return existsSync(reasonsUrl) ? JSON.parse(readFileSync(reasonsUrl, "utf8")) : {};
}

function scoreOf(results) {
  return results.filter(({ status }) => !lived.has(status)).length / results.length;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function wilson(found, n) {
  const z = 1.959964;
  const share = found / n;
  const centre = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [(centre - half) / (1 + (z * z) / n), (centre + half) / (1 + (z * z) / n)];
}
