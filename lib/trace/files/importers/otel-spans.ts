import { isJsonObject, type JsonObject, type Ms } from "../../../base/index.js";
import { dateOf } from "./call-times.js";
import { looseObject } from "./row-fields.js";

/** A span in one shape, whatever it was written in. */
export interface Span {
  readonly name: string;
  readonly spanId: string | undefined;
  readonly traceId: string | undefined;
  readonly startMs: Ms | undefined;
  readonly endMs: Ms | undefined;
  /** By their names; values as JSON has them. */
  readonly attributes: JsonObject;
  readonly events: readonly SpanEvent[];
  readonly isFailed: boolean;
}

/** An event of a span, or a log record that belongs to it. */
export interface SpanEvent {
  readonly name: string;
  readonly attributes: JsonObject;
  readonly body: unknown;
}

/**
 * Collects spans: of OTLP JSON (`resourceSpans[].scopeSpans[].spans[]`, times in ns as text, attributes as a list of key and
 * typed value; events may also stand in `resourceLogs[]`, with the span's id), or of flat layouts (`spans[]`, or a span a
 * line: `start_time` and `end_time` as dates, `attributes` as an object).
 */
export class OtelDocument {
  readonly #spans: JsonObject[] = [];
  readonly #logs = new Map<string, SpanEvent[]>();

  /** Takes one document or line. */
  add(row: JsonObject): void {
    for (const resource of listOf(row.resourceSpans ?? row.resource_spans))
      for (const scope of listOf(
        resource.scopeSpans ?? resource.scope_spans ?? resource.instrumentationLibrarySpans,
      ))
        this.#spans.push(...listOf(scope.spans));
    for (const resource of listOf(row.resourceLogs ?? row.resource_logs))
      for (const scope of listOf(resource.scopeLogs ?? resource.scope_logs))
        for (const record of listOf(scope.logRecords ?? scope.log_records)) this.#addLog(record);
    if (Array.isArray(row.spans)) this.#spans.push(...listOf(row.spans));
    if (row.attributes !== undefined && (row.span_id ?? row.spanId) !== undefined) this.#spans.push(row);
  }

  /** All spans so far. */
  get spans(): Span[] {
    return this.#spans.map((span) => {
      const spanId = textOf(span.spanId ?? span.span_id);
      const status = looseObject(span, "status");
      return {
        name: textOf(span.name) ?? "",
        spanId,
        traceId: textOf(span.traceId ?? span.trace_id),
        startMs: timeOf(span, ["startTimeUnixNano", "start_time_unix_nano"], "start_time"),
        endMs: timeOf(span, ["endTimeUnixNano", "end_time_unix_nano"], "end_time"),
        attributes: attributesOf(span.attributes),
        events: [
          ...listOf(span.events).map(eventOf),
          ...(spanId === undefined ? [] : (this.#logs.get(spanId) ?? [])),
        ],
        isFailed: status.code === 2 || status.code === "STATUS_CODE_ERROR" || status.code === "ERROR",
      };
    });
  }

  #addLog(record: JsonObject): void {
    const span = textOf(record.spanId ?? record.span_id);
    if (span === undefined) return;
    const attributes = attributesOf(record.attributes);
    const name = textOf(record.eventName ?? record.event_name) ?? textOf(attributes["event.name"]) ?? "";
    const list = this.#logs.get(span) ?? [];
    list.push({ name, attributes, body: typedValue(record.body) });
    this.#logs.set(span, list);
  }
}

function eventOf(event: JsonObject): SpanEvent {
  return {
    name: textOf(event.name) ?? "",
    attributes: attributesOf(event.attributes),
    body: typedValue(event.body),
  };
}

function timeOf(span: JsonObject, nanoNames: readonly string[], dateName: string): Ms | undefined {
  const nanos = nanoNames.map((name) => span[name]).find((value) => value !== undefined);
  if (nanos !== undefined && /^\d+$/.test(String(nanos))) {
    const text = String(nanos).padStart(7, "0");
    return text === "0000000" ? undefined : Number(`${text.slice(0, -6)}.${text.slice(-6)}`);
  }
  return dateOf(span, span[dateName] === undefined ? dateName.replace("_t", "T") : dateName);
}

function attributesOf(given: unknown): JsonObject {
  if (isJsonObject(given)) return given;
  return Object.fromEntries(
    listOf(given).flatMap(({ key, value }) => (typeof key === "string" ? [[key, typedValue(value)]] : [])),
  );
}

/** A typed value of OTLP as JSON has it. */
function typedValue(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.doubleValue !== undefined) return Number(value.doubleValue);
  if (value.boolValue !== undefined) return value.boolValue;
  if (isJsonObject(value.arrayValue)) return listOf(value.arrayValue.values).map(typedValue);
  if (isJsonObject(value.kvlistValue)) return attributesOf(value.kvlistValue.values);
  return value;
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? (value as unknown[]).filter(isJsonObject) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
