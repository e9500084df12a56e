import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusedField } from "../../../lib/capture/loadgen/refused-field.js";

const fields = [
  "return_token_ids",
  "ignore_eos",
  "stream_options",
  "temperature",
  "max_tokens",
  "max_completion_tokens",
];

describe("refusedField", () => {
  it.each<[string, unknown, string]>([
    ["a text with the name first", "stream_options: extra fields not permitted", "stream_options"],
    [
      "an error object, unnamed in param",
      { error: { message: "Unrecognized request argument supplied: ignore_eos", param: null } },
      "ignore_eos",
    ],
    [
      "the first of several in a row",
      { error: { message: "Unrecognized request arguments supplied: return_token_ids, ignore_eos" } },
      "return_token_ids",
    ],
    [
      "a param",
      { error: { message: "Unsupported parameter: this model takes it not.", param: "temperature" } },
      "temperature",
    ],
    [
      "one that another stands for",
      {
        error: {
          message:
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        },
      },
      "max_tokens",
    ],
    ["a wish in words", "max_tokens is not supported, use max_completion_tokens", "max_tokens"],
    [
      "pydantic's list",
      {
        detail: [
          {
            type: "extra_forbidden",
            loc: ["body", "ignore_eos"],
            msg: "Extra inputs are not permitted",
            input: { temperature: 0 },
          },
        ],
      },
      "ignore_eos",
    ],
    [
      "pydantic's list as a text",
      {
        object: "error",
        message:
          "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {'include_usage': True}}]",
      },
      "stream_options",
    ],
    [
      "pydantic's words, which repeat what was sent",
      "1 validation error for Request\nignore_eos\n  Extra inputs are not permitted [type=extra_forbidden, input_value={'temperature': 0}]",
      "ignore_eos",
    ],
    [
      "a path",
      { errors: [{ instancePath: "/stream_options/include_usage", message: "unknown" }] },
      "stream_options",
    ],
    ["what is inside a field, alone", "include_usage is not supported", "stream_options"],
    ["what is inside a field", "stream_options.include_usage: unexpected value", "stream_options"],
    [
      "Anthropic's shape",
      {
        type: "error",
        error: { type: "invalid_request_error", message: "ignore_eos: Extra inputs are not permitted" },
      },
      "ignore_eos",
    ],
    [
      "a list of what may be sent, in which others stand first",
      "expected one of `model`, `prompt`, `max_tokens`, `temperature`; unknown field `ignore_eos`",
      "ignore_eos",
    ],
    [
      "a list of what may be sent, at the end",
      'json: unknown field "return_token_ids", allowed fields: model, ignore_eos, temperature',
      "return_token_ids",
    ],
    ["a gateway", "vertex_ai does not support parameters: ['ignore_eos'], for model=m", "ignore_eos"],
    ["a call in Python", "create() got an unexpected keyword argument 'ignore_eos'", "ignore_eos"],
    [
      "a value",
      "'temperature' does not support 0 with this model. Only the default (1) value is supported.",
      "temperature",
    ],
    [
      "deeper objects",
      { message: { error: { detail: { message: 'Unknown name "ignore_eos": Cannot find field.' } } } },
      "ignore_eos",
    ],
  ])("reads the field from %s", (_title, says, field) => {
    expect(refusedField(typeof says === "string" ? says : JSON.stringify(says), fields)).toBe(field);
  });

  it.each<[string, unknown]>([
    ["another reason", { error: { message: "The model `m` does not exist", param: "model" } }],
    ["no name at all", { error: { message: "unknown field" } }],
    [
      "an output that is too long, which is what was asked for",
      {
        error: {
          message: "max_tokens is too large: 9000. This model supports at most 4096.",
          param: "max_tokens",
        },
      },
    ],
    [
      "a context that is too long",
      "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the messages, 100 in max_tokens). Please reduce max_tokens.",
    ],
    [
      "a longer name that holds one",
      { detail: [{ loc: ["body", "my_temperature_2"], msg: "Extra inputs are not permitted" }] },
    ],
    ["nothing", ""],
  ])("reads none from %s", (_title, says) => {
    expect(refusedField(typeof says === "string" ? says : JSON.stringify(says), fields)).toBeUndefined();
  });

  it("names a candidate or nothing, whatever a server answers", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.json().map((text) => `{"detail":${text}}`),
        ),
        (answer) => {
          expect([...fields, undefined]).toContain(refusedField(answer, fields));
        },
      ),
    );
    expect(
      refusedField(`${"[".repeat(30_000)}"ignore_eos: not permitted"${"]".repeat(30_000)}`, fields),
    ).toBeUndefined();
  });
});
