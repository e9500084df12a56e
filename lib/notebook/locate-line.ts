/**
 * Finds the line of a cell's TypeScript that a line of its compiled JavaScript came from. The compiler gives no
 * source map, so lines are matched by the words they share: types and import forms differ, names and literals stay.
 * @returns the 1-based line, undefined when no line is alike
 */
export function locateLine(source: string, compiledLine: string): number | undefined {
  const wanted = wordsOf(compiledLine);
  if (wanted.length === 0) return undefined;
  let best = 0.25;
  let found: number | undefined;
  source.split("\n").forEach((line, index) => {
    const words = wordsOf(line);
    const shared = words.filter((word) => wanted.includes(word)).length;
    const likeness = (2 * shared) / (words.length + wanted.length);
    if (likeness > best) {
      best = likeness;
      found = index + 1;
    }
  });
  return found;
}

/** Names, numbers and strings of a line, without what the compiler adds or drops. */
function wordsOf(line: string): string[] {
  const added = new Set(["exports", "require", "default", "const", "let", "var", "tsLastExpr"]);
  return (line.replace(/\/\/.*$/, "").match(/[A-Za-z_$][\w$]*|\d[\w.]*|"[^"]*"|'[^']*'/g) ?? []).filter(
    (word) => !added.has(word) && !/_\d+$/.test(word),
  );
}
