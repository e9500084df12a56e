/** A time in ms as people read it: "42 ms", "1.34 s", "12.7 s". */
export function showMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 1) return `${ms.toPrecision(2)} ms`;
  if (ms < 999.5) return `${ms < 99.95 ? ms.toPrecision(3) : ms.toFixed(0)} ms`;
  const s = ms / 1000;
  return s < 9.995 ? `${s.toFixed(2)} s` : s < 99.95 ? `${s.toFixed(1)} s` : `${grouped(Math.round(s))} s`;
}

/** A count with its thousands apart. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** A share in percent. */
export function showShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A number of up to four digits, without zeros at its end. */
export function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
