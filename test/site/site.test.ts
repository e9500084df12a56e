import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChromiumPage, chromium, openChromium } from "../chromium-page.js";

const root = join(import.meta.dirname, "..", "..");
const out = mkdtempSync(join(tmpdir(), "prefixlab-site-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));
const noBrowser = chromium ? "" : " (skipped: no Chromium)";

/** What a page says of itself once it is loaded. */
interface Seen {
  readonly title: string;
  /** Addresses of links, pictures, scripts and styles. */
  readonly addresses: readonly string[];
  readonly anchors: readonly string[];
  readonly overflowPx: number;
}

const look = `new Promise((resolve) => {
  const tell = () => resolve({
    title: document.title,
    addresses: [...document.querySelectorAll("a[href], link[href]")].map((e) => e.href)
      .concat([...document.querySelectorAll("img[src], script[src]")].map((e) => e.src)),
    anchors: [...document.querySelectorAll("[id]")].map((e) => e.id),
    overflowPx: document.documentElement.scrollWidth - innerWidth,
  });
  if (document.readyState === "complete") tell();
  else addEventListener("load", tell);
})`;

beforeAll(() => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      join(root, ".ci", "site", "main.mjs"),
      "--out",
      out,
      "--no-api",
      "--captures",
      "vllm-small-pool/small-pool-1",
    ],
    { encoding: "utf8" },
  );
  expect(status, stderr).toBe(0);
});

/** The pages that were written. */
const pages = () =>
  readdirSync(out, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".html"))
    .sort();

describe("npm run site, without the reference and with one capture", () => {
  it("has the guide, each notebook, the explorer, the accuracy page and the other pages of data", () => {
    const notebooks = readdirSync(join(root, "notebooks")).filter((name) => name.endsWith(".ipynb"));
    expect(notebooks.length).toBeGreaterThan(10);
    expect(pages()).toEqual(
      expect.arrayContaining([
        "index.html",
        ...notebooks.map((name) => join("notebooks", name.replace("ipynb", "html"))),
        join("notebooks", "index.html"),
        join("explore", "index.html"),
        ...["ACCURACY", "FLEET", "SERVERS", "index"].map((name) => join("data", `${name}.html`)),
      ]),
    );
  });
});

describe.skipIf(noBrowser !== "")(`the site in Chromium${noBrowser}`, () => {
  let page: ChromiumPage;
  const seen = new Map<string, Seen>();
  beforeAll(async () => {
    page = await openChromium(chromium as string, 800, 900);
    for (const name of pages()) {
      await page.goto(pathToFileURL(join(out, name)).href);
      seen.set(name, await page.evaluate<Seen>(look));
    }
  });
  afterAll(() => page.close());

  it("gives each page a title, and room at a width of 800 pixels", () => {
    for (const [name, { title, overflowPx }] of seen)
      expect({ name, hasTitle: title !== "", fits: overflowPx <= 0 }).toEqual({
        name,
        hasTitle: true,
        fits: true,
      });
  });

  it("has no link, picture or anchor that leads nowhere, and none out but to the web", () => {
    const broken: string[] = [];
    for (const [name, { addresses }] of seen)
      for (const address of addresses) {
        const [url, anchor] = address.split("#");
        if (!url?.startsWith("file:")) {
          if (!/^(https?|data):/.test(address)) broken.push(`${name}: ${address}`);
          continue;
        }
        const file = fileURLToPath(url);
        const target = seen.get(file.slice(out.length + 1));
        const isThere = file.startsWith(out) && existsSync(file) && statSync(file).isFile();
        if (!isThere || (anchor && !target?.anchors.includes(decodeURIComponent(anchor))))
          broken.push(`${name}: ${address}`);
      }
    expect(broken).toEqual([]);
  });

  it("keeps a figure's picture where there is less room than it was drawn for, and draws it when it is clicked", async () => {
    await page.goto(pathToFileURL(join(out, "notebooks", "06-cache-effect-figure.html")).href);
    await page.waitFor("document.querySelector('figure.plot') !== null", 5000);
    await page.evaluate("document.querySelector('figure.plot').scrollIntoView()");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await page.evaluate("document.querySelectorAll('figure.plot .scatterlayer').length")).toBe(0);
    await page.click("document.querySelector('figure.plot img')");
    await page.waitFor("document.querySelectorAll('figure.plot .scatterlayer .trace').length > 1", 10_000);
  });

  it("asks the web for nothing, and tells the console of no error", () => {
    expect(page.requests.filter((url) => !/^(file|blob|data):/.test(url))).toEqual([]);
    expect(page.problems).toEqual([]);
  });
});
