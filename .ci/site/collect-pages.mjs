// The pages of the site: some documents of the repository, and what they link to.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, posix } from "node:path";
import { codeBlock, escapeHtml } from "./highlight.mjs";
import { createMarkdown } from "./markdown.mjs";
import { notebookBody } from "./notebook-body.mjs";

/** Longer text files are offered as they are. */
const longestPage = 200_000;
const images = [".png", ".svg", ".gif", ".jpg"];

/**
 * Follows links from some files. A link to nothing ends the build.
 * @returns pages: { path, source, title, body, hasFigures }, and files to copy beside them
 */
export function collectPages(root, seeds) {
  const pages = new Map();
  const copies = new Set();
  const waiting = [...seeds];
  /** The address that a link leads to, from the page of the file that it stands in. */
  const resolveLink = (href, from) => {
    if (/^(\w+:|#)/.test(href)) return href;
    const [, path, anchor = ""] = /^([^#]*)(#.*)?$/.exec(href);
    let target = posix.normalize(posix.join(dirname(from), decodeURI(path))).replace(/\/$/, "");
    if (!existsSync(join(root, target)))
      throw new Error(`site: ${from} links to ${href}, which is not there`);
    if (isFolder(root, target) && existsSync(join(root, target, "README.md")))
      target = posix.join(target, "README.md");
    const address = isCopied(root, target) ? target : pagePath(root, target);
    if (address === target) copies.add(target);
    else waiting.push(target);
    return posix.relative(dirname(pagePath(root, from)), address) + anchor;
  };
  const markdown = createMarkdown(resolveLink);
  while (waiting.length > 0) {
    const source = waiting.shift();
    if (pages.has(source)) continue;
    pages.set(source, { path: pagePath(root, source), source, ...pageOf(root, source, markdown, waiting) });
  }
  return { pages: [...pages.values()], copies: [...copies] };
}

const isFolder = (root, path) => statSync(join(root, path)).isDirectory();

function isCopied(root, path) {
  if (isFolder(root, path)) return false;
  if (images.includes(extname(path)) || path.endsWith(".gz")) return true;
  return ![".md", ".ipynb"].includes(extname(path)) && statSync(join(root, path)).size > longestPage;
}

function pagePath(root, source) {
  if (isFolder(root, source)) return posix.join(source, "index.html");
  const { dir, base } = { dir: dirname(source), base: basename(source) };
  if (base === "README.md") return posix.join(dir, "index.html");
  return posix.join(dir, /\.(md|ipynb)$/.test(base) ? base.replace(/\.\w+$/, ".html") : `${base}.html`);
}

function pageOf(root, source, markdown, waiting) {
  if (isFolder(root, source)) {
    const names = readdirSync(join(root, source)).sort();
    waiting.push(...names.map((name) => posix.join(source, name)));
    const items = names.map((name) => {
      const address = posix.relative(source, pagePath(root, posix.join(source, name)));
      return `<li><a href="${address}">${escapeHtml(name)}</a></li>`;
    });
    return {
      title: source,
      body: `<h1>${escapeHtml(source)}</h1><ul>${items.join("")}</ul>`,
      hasFigures: false,
    };
  }
  const text = readFileSync(join(root, source), "utf8");
  if (source.endsWith(".ipynb")) return notebookBody(JSON.parse(text), source, markdown);
  if (source.endsWith(".md"))
    return {
      title: /^# (.+)$/m.exec(text)?.[1] ?? source,
      body: markdown.render(text, source),
      hasFigures: false,
    };
  return {
    title: source,
    body: `<h1>${escapeHtml(source)}</h1>${codeBlock(text, extname(source).slice(1))}`,
    hasFigures: false,
  };
}
