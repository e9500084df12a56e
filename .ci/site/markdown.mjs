// Markdown as GitHub shows it: tables, anchors on headings, HTML for what is folded.
import MarkdownIt from "markdown-it";
import { codeBlock } from "./highlight.mjs";

/**
 * @param resolveLink (href, source) => address in the site
 * @returns render(text, source): the HTML of a document that stands in the file `source`
 */
export function createMarkdown(resolveLink) {
  const markdown = new MarkdownIt({ html: true, highlight: (code, language) => codeBlock(code, language) });
  const { rules } = markdown.renderer;
  rules.heading_open = (tokens, at, _, env) => {
    const anchor = freeAnchor(anchorOf(tokens[at + 1].content), env.anchors);
    return `<${tokens[at].tag} id="${anchor}">`;
  };
  // A wide table scrolls by itself.
  rules.table_open = () => '<div class="wide"><table>';
  rules.table_close = () => "</table></div>";
  const resolved = (attribute) => (tokens, at, options, env, self) => {
    tokens[at].attrSet(attribute, resolveLink(tokens[at].attrGet(attribute), env.source));
    return attribute === "src"
      ? image(tokens, at, options, env, self)
      : self.renderToken(tokens, at, options);
  };
  const image = rules.image;
  rules.link_open = resolved("href");
  rules.image = resolved("src");
  return { render: (text, source, anchors = new Set()) => markdown.render(text, { source, anchors }) };
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
}

function freeAnchor(wanted, taken) {
  let anchor = wanted;
  for (let n = 1; taken.has(anchor); n++) anchor = `${wanted}-${n}`;
  taken.add(anchor);
  return anchor;
}
