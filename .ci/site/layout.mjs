// The frame around each page: where one is, and where one can go.
import { posix } from "node:path";
import { escapeHtml } from "./highlight.mjs";

/** The menu: a heading, and files with what they are called. */
const menu = [
  [
    "",
    [
      ["README.md", "Overview"],
      ["notebooks/README.md", "Reading guide"],
      ["explore/index.html", "Explorer"],
    ],
  ],
  ["Notebooks", []],
  [
    "What it rests on",
    [
      ["data/ACCURACY.md", "Accuracy"],
      ["data/README.md", "Captures"],
      ["data/FLEET.md", "Routing"],
      ["data/SERVERS.md", "Servers behind the tap"],
      ["data/sessions/README.md", "Sessions"],
      ["data/engine/README.md", "Engine and model"],
    ],
  ],
  [
    "For developers",
    [
      ["CONTRIBUTING.md", "Contributing"],
      ["CHANGELOG.md", "Changelog"],
      ["api/index.html", "API reference"],
    ],
  ],
];

/** The HTML of a page among all of them. */
export function layOut(page, pages, { hasApi }) {
  const up = posix.relative(posix.dirname(page.path), ".") || ".";
  const link = (path, text) =>
    `<li><a href="${posix.join(up, path)}"${path === page.path ? ' aria-current="page"' : ""}>${escapeHtml(text)}</a></li>`;
  const notebooks = pages
    .filter(({ source }) => /^notebooks\/\d.*\.ipynb$/.test(source))
    .sort((a, b) => (a.source < b.source ? -1 : 1))
    .map(({ path, title, source }) =>
      link(path, `${Number.parseInt(source.slice(10), 10)} ${title.replace(/^\d+[.:]?\s*|:.*$/g, "")}`),
    );
  const groups = menu.map(([heading, entries]) => {
    const items = entries
      .filter(([source]) => hasApi || !source.startsWith("api/"))
      .map(([source, text]) => link(pages.find((one) => one.source === source)?.path ?? source, text));
    const list = heading === "Notebooks" ? notebooks : items;
    return `${heading === "" ? "" : `<p>${heading}</p>`}<ul>${list.join("")}</ul>`;
  });
  const script = (name) => `<script defer src="${posix.join(up, "assets", name)}"></script>`;
  const title = page.title.replaceAll("`", "");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title === "prefixlab" ? title : `${title} - prefixlab`)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${posix.join(up, "assets", "site.css")}">
${page.hasFigures ? script("plotly.js") : ""}${script("site.js")}
</head>
<body>
<nav aria-label="Site"><details><summary>prefixlab</summary>${groups.join("")}</details></nav>
<main>
${page.body}
</main>
</body>
</html>
`;
}
