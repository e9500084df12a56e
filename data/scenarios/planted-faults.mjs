// One capture a fault that costs prefix hits, and their twin without any: the same conversations on the engine of
// ../engine, through the tap. Each capture has an engine start of its own.
//
//   MODEL_DIR=... VLLM_VENV=... node data/scenarios/planted-faults.mjs OUT_DIR [FAULT...]
//
// The model needs a chat template with roles and tools: make-model.mjs --roles.
import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..", "..");
const [outDir, ...asked] = process.argv.slice(2);
if (!outDir) {
  console.error("usage: planted-faults.mjs OUT_DIR [FAULT...]");
  process.exit(2);
}
const port = Number(process.env.PORT ?? 8140);
const engineUrl = `http://127.0.0.1:${port}`;
const sessions = 8;
const turns = 4;
const outputTokens = 48;

/** Text of a size that depends on its name alone; one character is one token of the model. */
function text(name, characters) {
  let state = [...name].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0, 7);
  let words = "";
  while (words.length < characters) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words += `${(state >>> 8).toString(36)} `;
  }
  return words.slice(0, characters);
}

const system = text("system", 900);
const toolNames = ["search", "read_file", "run_tests", "write_file"];
const tool = (name) => ({
  type: "function",
  function: {
    name,
    description: text(`about ${name}`, 120),
    parameters: { type: "object", properties: { what: { type: "string", description: text(`of ${name}`, 60) } } },
  },
});
const tools = toolNames.map(tool);
/** More orders than a capture has requests. */
const fiveTools = [...toolNames, "open_page"].map(tool);

/** The n-th order of a list, from the first on again after all. */
function permutation(list, n) {
  const left = [...list];
  let rest = n;
  return list.map((_, taken) => {
    const choices = list.length - taken;
    const at = rest % choices;
    rest = Math.floor(rest / choices);
    return left.splice(at, 1)[0];
  });
}

/** What a fault changes in a request; `n` counts the requests of the capture. The twin of each is in the inventory. */
const faults = {
  none: {},
  clock: { system: (n) => `${system.slice(0, 40)} It is now 12:${String(10 + n).padStart(2, "0")}:00. ${system.slice(40)}` },
  "clock-still": { system: () => `${system.slice(0, 40)} It is now 12:10:00. ${system.slice(40)}` },
  "tool-id": { tools: (n) => tools.map((each, i) => (i === 0 ? { ...each, function: { ...each.function, description: `${each.function.description} call ${1000 + n}` } } : each)) },
  "tool-id-still": { tools: () => tools.map((each, i) => (i === 0 ? { ...each, function: { ...each.function, description: `${each.function.description} call 1000` } } : each)) },
  "five-tools": { tools: () => fiveTools },
  "tools-reordered": { tools: (n) => permutation(fiveTools, n) },
  compaction: { history: (messages, turn) => (turn < 4 ? messages : [{ role: "user", content: `Summary so far: ${text(messages[0].content, 300)}` }, ...messages.slice(-1)]) },
  "long-answers": { outputTokens: 160 },
  "reasoning-dropped": { outputTokens: 160, answer: (said) => `Answer: ${said.slice(100)}` },
  "small-pool": { engine: ["--num-gpu-blocks-override", "120", "--max-model-len", "3072"] },
  restart: { restartBefore: 3 },
  "cache-salt": { salt: (session, turn) => (turn > 2 ? `salt ${session}` : undefined) },
};

const names = asked.length > 0 ? asked : Object.keys(faults);
mkdirSync(outDir, { recursive: true });
for (const name of names) await capture(name, faults[name]);

async function capture(name, fault) {
  const file = join(outDir, `${name}.jsonl.gz`);
  for (const path of [file, `${file}.key`]) rmSync(path, { force: true });
  let engine = await startEngine(fault.engine ?? []);
  const tap = await startTap(file);
  try {
    let count = 0;
    const send = async (session, turn, history) => {
      const body = {
        model: "small",
        stream: true,
        stream_options: { include_usage: true },
        max_tokens: fault.outputTokens ?? outputTokens,
        temperature: 0,
        ignore_eos: true,
        messages: [{ role: "system", content: fault.system?.(count) ?? system }, ...history],
        tools: fault.tools?.(count) ?? tools,
        tool_choice: "none",
        ...(fault.salt?.(session, turn) && { cache_salt: fault.salt(session, turn) }),
      };
      count++;
      return answerOf(
        await fetch(`${tap.url}/v1/chat/completions`, {
          method: "POST",
          headers: { "content-type": "application/json", "x-session-id": `session ${session}` },
          body: JSON.stringify(body),
        }),
      );
    };
    const histories = Array.from({ length: sessions }, () => []);
    // Turn by turn, so that every session's history lies idle while the others go on.
    for (let turn = 1; turn <= turns; turn++) {
      if (fault.restartBefore === turn) {
        await stop(engine);
        engine = await startEngine([]);
      }
      const round = histories.map((history, session) => async () => {
        history.push({ role: "user", content: text(`${session} ${turn}`, 90) });
        const sent = fault.history?.(history, turn) ?? history;
        const said = await send(session, turn, sent);
        history.push({ role: "assistant", content: fault.answer?.(said) ?? said });
      });
      for (const run of round) await run();
    }
    console.error(`${name}: ${count} requests`);
  } finally {
    await stop(tap.child, "SIGINT");
    await stop(engine);
  }
}

async function answerOf(response) {
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  let said = "";
  for (const line of (await response.text()).split("\n")) {
    if (!line.startsWith("data: {")) continue;
    said += JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? "";
  }
  return said;
}

async function startEngine(flags) {
  const engine = spawn("sh", [join(here, "..", "engine", "serve-vllm.sh"), "on", "--enforce-eager", ...flags], {
    env: { ...process.env, PORT: String(port) },
    stdio: "ignore",
    detached: true,
  });
  for (let tries = 0; ; tries++) {
    if (engine.exitCode !== null || tries > 300) throw new Error("the engine did not start");
    const isUp = await fetch(`${engineUrl}/health`).then((r) => r.ok, () => false);
    if (isUp) return engine;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

function startTap(file) {
  const child = spawn(
    "node",
    [join(root, "dist", "cli", "main.js"), "tap", "--listen", "127.0.0.1:0", "--upstream", engineUrl, "--trace-out", file, "--block-size", "32", "--no-key", "--max-num-batched-tokens", "512", "--max-num-seqs", "64"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  return new Promise((resolve, reject) => {
    let told = "";
    child.stderr.on("data", (bytes) => {
      told += bytes;
      process.stderr.write(bytes);
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(told)?.[0];
      if (url) resolve({ child, url });
    });
    child.on("exit", () => reject(new Error(`the tap ended: ${told}`)));
  });
}

function stop(child, signal = "SIGTERM") {
  if (child.exitCode !== null) return Promise.resolve();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // The engine's script has children of its own; the tap is one process.
  if (signal === "SIGTERM") process.kill(-child.pid, signal);
  else child.kill(signal);
  return ended;
}
