// Conversations that differ in everything: how many turns, how much is said and answered, how long the client thinks, and
// which of four system prompts they begin with. One a line, in AIPerf's form; the seed fixes them.
//
//   node data/scenarios/varied-conversations.mjs SEED > conversations.jsonl
import seedrandom from "seedrandom";

const random = seedrandom(process.argv[2] ?? "1");
const sessions = 56;
/** Tokens of the system prompts and their shares: the usual two, a long one, and one that few have. */
const systems = [
  { tokens: 1200, share: 0.45 },
  { tokens: 400, share: 0.3 },
  { tokens: 2400, share: 0.15 },
  { tokens: 800, share: 0.1 },
].map((system) => ({ ...system, text: text(system.tokens) }));

for (let session = 0; session < sessions; session++) {
  const turns = atMost(16, Math.floor(logNormal(3.5, 0.9)) + 1);
  const questions = Array.from({ length: turns }, () => ({
    role: "user",
    text: text(atMost(700, Math.ceil(logNormal(90, 1)))),
    output_length: atMost(96, Math.ceil(logNormal(16, 0.8))),
    delay: atMost(20_000, Math.round(logNormal(1_500, 1))),
  }));
  console.log(JSON.stringify({ turns: [{ role: "system", text: chosen().text }, ...questions] }));
}

/** By its median and the standard deviation of its logarithm; Box and Muller's way to a normal variate. */
function logNormal(median, sigma) {
  return median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

/** One character is one token of the engine's model. */
function text(tokens) {
  return Array.from({ length: tokens }, () => String.fromCharCode(33 + Math.floor(94 * random()))).join("");
}

function chosen() {
  let left = random();
  for (const system of systems) {
    left -= system.share;
    if (left < 0) return system;
  }
  return systems[0];
}

function atMost(most, value) {
  return Math.min(most, value);
}
