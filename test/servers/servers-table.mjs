/** The table of what was checked, as Markdown. */

const columns = [
  "hashes",
  "promptTokens",
  "cachedTokens",
  "sessionsSent",
  "sessionsInferred",
  "sessionsUsed",
];

/** Rows of one server and API together: raw and SDK, streamed and not. */
export function addUp(cells) {
  const total = {
    ...Object.fromEntries(columns.map((name) => [name, { right: 0, of: 0, kept: 0, inBytes: 0, exact: 0 }])),
    requests: 0,
    records: 0,
    ttftDifferencesMs: [],
    tokenSources: [],
    wrong: [],
  };
  for (const cell of cells) {
    for (const name of columns)
      for (const key of ["right", "of", "kept", "inBytes", "exact"]) total[name][key] += cell[name][key] ?? 0;
    total.requests += cell.requests;
    total.records += cell.records;
    total.ttftDifferencesMs.push(...cell.ttftDifferencesMs);
    for (const source of cell.tokenSources)
      if (!total.tokenSources.includes(source)) total.tokenSources.push(source);
    for (const line of cell.wrong) total.wrong.push(`${cell.how}: ${line}`);
  }
  return total;
}

/**
 * @param {{date: string, servers: object[], tools: object[], versions: object, cores: number}} results
 * @returns the Markdown of data/SERVERS.md
 */
export function serversTable({ date, servers, tools, versions, cores }) {
  const loads = servers
    .map(({ load }) => load)
    .filter((load) => load !== undefined)
    .toSorted((a, b) => a - b);
  return `${[
    "# The tap in front of real servers",
    "",
    "Written by `test/servers/check-servers.mjs`, which says what each server and client was started with. Every cell is",
    "two conversations of three turns through a tap of its own, by plain HTTP and by the SDK, streamed and not. Right of",
    "asked:",
    "",
    "- **hashes**: as many as the prompt has full blocks, all of the turn before first, and of another conversation the",
    "  shared system prompt and no more; *exact*: equal to those of the token ids that the server returns for the same body",
    "  when asked past the tap. *from*: whose tokens they are over.",
    "- **prompt tokens**, **cached tokens**: as the client was told in `usage`; where it was told nothing, as the server",
    "  says of the same prompt asked for a whole answer. *kept*: the trace's unit is bytes, the server's count is beside it;",
    "  *in bytes*: nobody told the tap the tokens of that prompt. A dash: the server tells none.",
    "- **sessions sent**: the client's own identity (`x-session-id`, `prompt_cache_key`, `metadata.user_id`, and",
    "  `previous_response_id` of *continued responses*) parts the conversations; some clients send none. **inferred**: each",
    "  turn's parent found from the hashes alone. **used**: as a replay takes them.",
    "- **TTFT**: the client's own clock less the tap's, median and largest, ms. All processes share the machine:",
    `  ${cores} cores, ${loads.length === 0 ? "" : `load average ${loads[0].toFixed(1)} to ${loads.at(-1).toFixed(1)}, where less than ${cores} is a machine at ease`}.`,
    "",
    `Date ${date}. ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "",
    ...apiTable(servers),
    "",
    "## Requests that end badly",
    "",
    "What the client saw as a failure has to be one in the trace, with its finish reason.",
    "",
    ...failureTable(servers),
    "",
    "## Load generators",
    "",
    "Their own report, and the trace of the tap between them and the server. Requests that a tool sends before it counts",
    "are named, and left out of the sums.",
    "",
    ...toolTable(tools),
    ...wrongLines(servers),
  ].join("\n")}\n`;
}

function apiTable(servers) {
  return [
    "| server | API | records | hashes | from | prompt tokens | cached tokens | sessions sent | inferred | used | TTFT, ms |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
    ...servers.flatMap(({ name, version, apis }) =>
      Object.entries(apis).map(([apiName, cell]) =>
        cell === null
          ? `| ${name} ${version} | ${apiName} | not spoken | | | | | | | | |`
          : `| ${name} ${version} | ${apiName} | ${cell.records} of ${cell.requests} | ${ofAll(cell.hashes)} | ${cell.tokenSources.join(", ")} | ${ofAll(cell.promptTokens)} | ${ofAll(cell.cachedTokens)} | ${ofAll(cell.sessionsSent)} | ${ofAll(cell.sessionsInferred)} | ${ofAll(cell.sessionsUsed)} | ${difference(cell.ttftDifferencesMs)} |`,
      ),
    ),
  ];
}

function failureTable(servers) {
  const names = servers.find(({ failures }) => failures)?.failures.map(({ name }) => name) ?? [];
  return [
    `| server | ${names.join(" | ")} |`,
    `|---|${names.map(() => "---|").join("")}`,
    ...servers
      .filter(({ failures }) => failures)
      .map(
        ({ name, failures }) =>
          `| ${name} | ${failures
            .map(({ hasFailed, isRight, reason }) =>
              isRight
                ? hasFailed
                  ? reason
                  : `served: ${reason}`
                : `**wrong**: ${hasFailed ? "failed" : "served"}, trace says ${reason}`,
            )
            .join(" | ")} |`,
      ),
  ];
}

function toolTable(tools) {
  const rows = tools.map(({ server, name, version, own, traced, problem }) => {
    if (!own) return `| ${server} | ${name} | ${problem.replaceAll(/\s+/g, " ")} | | | | | | |`;
    const pair = (key) => {
      const [mine, theirs] = [own[key], traced[key]];
      if (mine === undefined) return "-";
      // A tool that names its sessions to nobody leaves none to be recorded.
      if (key === "sessions" && theirs === undefined) return `${mine}, not sent`;
      return `${mine} / ${theirs ?? "-"}${mine === theirs ? "" : " **differs**"}`;
    };
    const ttft = `${own.ttftP50Ms?.toFixed(1) ?? "-"} / ${traced.ttftP50Ms?.toFixed(1) ?? "-"}`;
    return `| ${server} | ${name} ${version} | ${pair("requests")} | ${traced.notCounted} | ${pair("promptTokens")} | ${pair("outputTokens")} | ${pair("cachedTokens")} | ${pair("sessions")} | ${ttft} |`;
  });
  return [
    "| server | tool | requests, own / trace | not counted by the tool | prompt tokens | output tokens | cached tokens | sessions | TTFT p50, ms |",
    "|---|---|---|---|---|---|---|---|---|",
    ...rows,
  ];
}

function wrongLines(servers) {
  const lines = servers.flatMap(({ name, apis }) =>
    Object.entries(apis).flatMap(([apiName, cell]) =>
      shortened(cell?.wrong ?? []).map((line) => `- ${name}, ${apiName}, ${line}`),
    ),
  );
  return lines.length === 0 ? [] : ["", "## What is not right", "", ...lines];
}

/** Lines that differ in numbers only are told once. */
export function shortened(lines) {
  const counts = new Map();
  for (const line of lines) {
    const kind = line.replace(/request \d+: /, "").replace(/\d+(\.\d+)?/g, "#");
    const known = counts.get(kind) ?? { line, count: 0 };
    known.count++;
    counts.set(kind, known);
  }
  return [...counts.values()].map(({ line, count }) =>
    count === 1 ? line : `${line} (and ${count - 1} more like it)`,
  );
}

function ofAll({ right, of, kept, inBytes, exact }) {
  if (of === 0) return "-";
  const notes = [
    kept > 0 && `${kept} kept`,
    inBytes > 0 && `${inBytes} in bytes`,
    exact > 0 && `${exact} exact`,
  ].filter(Boolean);
  const isRight = right + kept + inBytes === of;
  return [isRight ? `${of} of ${of}` : `**${right + kept + inBytes} of ${of}**`, ...notes].join(", ");
}

function difference(values) {
  if (values.length === 0) return "-";
  const sorted = values.toSorted((a, b) => a - b);
  const largest = sorted.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  return `${sorted[Math.floor(sorted.length / 2)].toFixed(1)}, ${largest.toFixed(1)}`;
}
