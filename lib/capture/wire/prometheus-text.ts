/** One line of a metrics page. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/**
 * The samples of a page in Prometheus' text format, in its order; lines without a number are passed over. Format:
 * prometheus.io/docs/instrumenting/exposition_formats, which OpenMetrics goes on from.
 */
export function metricSamples(text: string): MetricSample[] {
  return text.split("\n").flatMap((each) => {
    const [, name, labels = "", value] = line.exec(each) ?? [];
    if (name === undefined || value === undefined) return [];
    const number = numberOf(value);
    if (Number.isNaN(number)) return [];
    const pairs = [...labels.matchAll(label)].map(([, key, quoted]) => [key, unescaped(quoted)]);
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: number }];
  });
}

/** Whether a page is in Prometheus' text format: it has a sample, or says the type of one. */
export function isMetricsText(text: string): boolean {
  return /^# (TYPE|HELP) /m.test(text) || metricSamples(text).length > 0;
}

function numberOf(text: string): number {
  if (/^[+-]?inf/i.test(text))
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}
