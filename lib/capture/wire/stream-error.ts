import { asObject, type JsonObject } from "../../base/index.js";
import { asArray, asText } from "./json-object.js";

const errorName = /^(error|err|exception|fault|failure|errors)$|^(error|err)[_A-Z]/;
const errorWord = /error|fail|exception|abort|cancel|unavailable|overload/i;
const LONGEST_MESSAGE = 300;

/**
 * The error that an event reports, in the server's own words, whatever dress it is in: an `error` that says anything; and,
 * in an event without choices, a name that begins with error (`error_code`, `errorMessage`), a kind or status that says
 * error or failed, a `code` of an HTTP error, or FastAPI's `detail`.
 * @param hasContent the event carries a part of the answer, whose fields may have any name
 * @param eventName of the server-sent event
 */
export function streamError(event: JsonObject, hasContent: boolean, eventName = ""): string | undefined {
  const own = isTold(event.error) ? event.error : asObject(event.response)?.error;
  if (isTold(own)) return errorText(own);
  if (hasContent) return undefined;
  if (eventName === "error") return errorText(event);
  for (const [name, value] of Object.entries(event))
    if (errorName.test(name) && isTold(value)) return errorText({ ...event, [name]: value });
  for (const name of ["object", "type", "status", "event", "state"]) {
    const word = asText(event[name]);
    if (word !== undefined && errorWord.test(word)) return errorText(event);
  }
  if (typeof event.code === "number" && event.code >= 400) return errorText(event);
  if (event.detail !== undefined && isTold(event.detail)) return errorText(event.detail);
  return event.success === false ? errorText(event) : undefined;
}

/** The error in an event that is no JSON; undefined where its words do not say so. */
export function textError(data: string): string | undefined {
  return errorWord.test(data) ? data.slice(0, LONGEST_MESSAGE) : undefined;
}

/** The message inside an error, whatever its shape. */
export function errorText(error: unknown): string {
  const object = asObject(error);
  const told =
    asText(error) ??
    asText(object?.message) ??
    asText(object?.error) ??
    asText(asObject(object?.error)?.message) ??
    asText(asObject(asObject(object?.response)?.error)?.message) ??
    asText(object?.text) ??
    asText(object?.detail) ??
    validationText(object?.detail ?? error) ??
    JSON.stringify(error);
  return (told ?? "unknown error").slice(0, LONGEST_MESSAGE);
}

/** What a validator found, as FastAPI lists it, without the input that it repeats. */
function validationText(detail: unknown): string | undefined {
  const lines = asArray(detail).flatMap((each) => {
    const { loc, msg } = asObject(each) ?? {};
    if (typeof msg !== "string") return [];
    const place = asArray(loc).filter((part) => part !== "body");
    return [place.length > 0 ? `${place.join(".")}: ${msg}` : msg];
  });
  return lines.length > 0 ? lines.join("; ") : undefined;
}

/** Servers send an empty or zero error beside every good event. */
function isTold(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "" || value === 0) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
