// Code with its keywords, texts, numbers and comments told apart, by the compiler's own classifier.
import ts from "typescript";

export function escapeHtml(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const classes = {
  [ts.TokenClass.Keyword]: "k",
  [ts.TokenClass.StringLiteral]: "s",
  [ts.TokenClass.NumberLiteral]: "n",
  [ts.TokenClass.Comment]: "c",
};

/** A block of code; what is not JavaScript or TypeScript in one colour. */
export function codeBlock(code, language) {
  const isScript = ["ts", "js", "mjs", "typescript", "javascript"].includes(language);
  // Behind its last line a block has no empty one.
  const text = code.replace(/\n$/, "");
  return `<pre tabindex="0"><code>${isScript ? scriptHtml(text) : escapeHtml(text)}</code></pre>`;
}

function scriptHtml(code) {
  const classifier = ts.createClassifier();
  let state = ts.EndOfLineState.None;
  const lines = code.split("\n").map((line) => {
    const { entries, finalLexState } = classifier.getClassificationsForLine(line, state, true);
    state = finalLexState;
    let at = 0;
    return entries
      .map(({ length, classification }) => {
        const text = escapeHtml(line.slice(at, at + length));
        at += length;
        const name = classes[classification];
        return name ? `<span class="${name}">${text}</span>` : text;
      })
      .join("");
  });
  return lines.join("\n");
}
