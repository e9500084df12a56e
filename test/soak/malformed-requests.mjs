// Requests that no server should accept, as raw bytes. Each is {name, bytes, close?}: `close` ends the
// connection in the middle.

const valid = '{"prompt":"Once upon a time","max_tokens":4}';

const pick = (random, list) => list[Math.floor(random() * list.length)];
const integer = (random, from, to) => from + Math.floor(random() * (to - from + 1));
const bytesOf = (random, count) =>
  Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));

function post(body, { path = "/v1/completions", type = "application/json", headers = "", length } = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${headers}Content-Length: ${length ?? bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), bytes]);
}

const wrongValues = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  "x",
  "",
  [],
  {},
  [[]],
  [null],
  { a: 1 },
  [-1],
  ["a", 1],
  [1e10],
];
/** Fields and the values that are right for them after all. */
const fields = {
  prompt: [true, "x"],
  max_tokens: [null],
  stream: [null, true],
  n: [null],
  stop: [null, "x", "", []],
  temperature: [null, -1, 0, 1.5, 1e308],
  stream_options: [null, {}, { a: 1 }],
  return_token_ids: [null, true],
  model: [null, "x", ""],
};

const kinds = {
  "JSON cut off": (random) => post(valid.slice(0, integer(random, 1, valid.length - 1))),
  "JSON with a wrong character": (random) => {
    // Not within the text, where most characters are right.
    const at = pick(random, [0, 1, valid.indexOf(":"), valid.lastIndexOf(","), valid.length]);
    return post(
      `${valid.slice(0, at)}${pick(random, ["\u0001", "}", "\\", "NaN", "{", "'"])}${valid.slice(at)}`,
    );
  },
  "random bytes": (random) => post(bytesOf(random, integer(random, 1, 2000))),
  "an empty body": () => post(""),
  "JSON nested deeply": (random) => {
    const depth = integer(random, 1_000, 200_000);
    return post(`{"prompt":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  },
  "no JSON object": (random) => post(pick(random, ["[]", "1", '"x"', "null", "true", "[{}]"])),
  "a field of the wrong type": (random) => {
    const field = pick(random, Object.keys(fields));
    const right = fields[field].map((value) => JSON.stringify(value));
    const wrong = wrongValues.filter(
      (value) => !right.includes(JSON.stringify(value)) && !(field === "prompt" && value === "x"),
    );
    return post(
      JSON.stringify({
        prompt: "a",
        max_tokens: 4,
        [field]: pick(
          random,
          wrong.filter((v) => !isRight(field, v)),
        ),
      }),
    );
  },
  "a chat of the wrong shape": (random) => {
    const messages = pick(random, [
      null,
      [],
      {},
      "x",
      [1],
      [[]],
      [{}],
      [{ role: 1 }],
      [{ role: "user", content: 5 }],
    ]);
    return post(JSON.stringify({ messages }), { path: "/v1/chat/completions" });
  },
  "bad UTF-8": (random) => {
    const bad = pick(random, [
      [0xff],
      [0xc3, 0x28],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x98],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
    ]);
    return post(Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from(bad), Buffer.from('"}')]));
  },
  "a prompt beyond the context": (random) =>
    post(JSON.stringify({ prompt: "a".repeat(integer(random, 140_000, 300_000)) })),
  "an answer beyond the context": (random) =>
    post(`{"prompt":"a","max_tokens":${integer(random, 1e6, 9e15)}}`),
  "a body announced as huge": (random) => post(valid, { length: integer(random, 2 ** 25, 2 ** 40) }),
  "a huge body": (random) => post(Buffer.alloc(integer(random, 17, 20) * 1024 * 1024, 0x20)),
  "a huge body in chunks": () => {
    const chunk = Buffer.concat([
      Buffer.from("100000\r\n"),
      Buffer.alloc(0x100000, 0x20),
      Buffer.from("\r\n"),
    ]);
    const head =
      "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    return Buffer.concat([
      Buffer.from(head),
      ...Array.from({ length: 18 }, () => chunk),
      Buffer.from("0\r\n\r\n"),
    ]);
  },
  "a compressed body": (random) => post(bytesOf(random, 100), { headers: "Content-Encoding: gzip\r\n" }),
  "another content type": (random) =>
    post(valid, {
      type: pick(random, [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "nonsense",
        "",
      ]),
    }),
  "a path that is not there": (random) =>
    post(valid, { path: pick(random, ["/", "/v1", "/v1/completion", "/../etc/passwd", "/v1/%00"]) }),
  "the wrong method": (random) =>
    Buffer.from(
      `${pick(random, ["GET", "PUT", "DELETE", "PATCH"])} /v1/completions HTTP/1.1\r\nHost: x\r\n\r\n`,
    ),
  "no HTTP": (random) => Buffer.concat([bytesOf(random, integer(random, 4, 500)), Buffer.from("\r\n\r\n")]),
  "no such method": () => Buffer.from("BREW /v1/completions HTTP/1.1\r\nHost: x\r\n\r\n"),
  "no such version": (random) =>
    Buffer.from(`GET /health HTTP/${pick(random, ["3.0", "9", "x", "-1.1"])}\r\nHost: x\r\n\r\n`),
  "no host": () => Buffer.from("GET /nothing HTTP/1.1\r\n\r\n"),
  "a length and chunks": () => post("5\r\nhello\r\n0\r\n\r\n", { headers: "Transfer-Encoding: chunked\r\n" }),
  "two lengths": () => post(valid, { headers: "Content-Length: 5\r\n" }),
  "a length that is no number": (random) =>
    post(valid, { length: pick(random, ["-1", "abc", "1e3", "0x10", "99999999999999999999999"]) }),
  "a bad chunk size": (random) => {
    const size = pick(random, ["zz", "-5", "ffffffffffffffffff", " ", "5;"]);
    return Buffer.from(
      `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\nhello\r\n0\r\n\r\n`,
    );
  },
  "an unknown transfer encoding": () => post(valid, { headers: "Transfer-Encoding: nonsense\r\n" }),
  "a header with a control character": (random) =>
    post(valid, { headers: `X-Bad: a${pick(random, ["\0", "\x01", "\x7f", "\n", "\r"])}b\r\n` }),
  "a space before the colon": () => post(valid, { headers: "X-Bad : a\r\n" }),
  "a header that never ends": (random) =>
    post(valid, { headers: `X-Long: ${"a".repeat(integer(random, 20_000, 100_000))}\r\n` }),
  "too many headers": (random) =>
    post(valid, { headers: "X-Many: aaaaaaaaaaaaaa\r\n".repeat(integer(random, 1000, 3000)) }),
  "a path that is too long": (random) =>
    post(valid, { path: `/${"a".repeat(integer(random, 20_000, 60_000))}` }),
  "a path with a control character": () => post(valid, { path: "/v1/\x01completions" }),
};

/** Wrong for its type, yet right for its field. */
function isRight(field, value) {
  if (field === "n") return value === 1;
  if (field === "stop") return Array.isArray(value) && value.every((entry) => typeof entry === "string");
  if (field === "stream_options") return typeof value === "object" && !Array.isArray(value);
  if (field === "model" || field === "prompt") return typeof value === "string" && value !== "";
  if (field === "temperature") return typeof value === "number";
  return false;
}

const names = Object.keys(kinds);

/** Malformed request number `i` of a seed: every kind in turn; every tenth stalls or leaves in the middle of it. */
export function malformedRequest(i, random) {
  if (i % 10 === 9) {
    const whole = post(valid);
    const bytes = whole.subarray(0, integer(random, 1, whole.length - 1));
    return i % 50 === 49 ? { name: "a slow body", bytes } : { name: "an early close", bytes, close: true };
  }
  const name = names[Math.floor(i - i / 10) % names.length];
  return { name, bytes: kinds[name](random) };
}
