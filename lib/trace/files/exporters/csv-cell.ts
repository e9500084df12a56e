/** What a spreadsheet takes for a formula at the begin of a cell (OWASP, CSV Injection), also behind white space. */
const formula = /^[\s\p{C}]*[=+\-@\t\r\n＝＋－＠]/u;

/**
 * One cell of CSV: empty where there is no value, quoted where it must be. Text that a spreadsheet would run as a formula
 * is given an apostrophe in front, which spreadsheets take for "this is text".
 */
export function csvCell(value: string | number | undefined): string {
  if (value === undefined) return "";
  const text = typeof value === "string" && formula.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
