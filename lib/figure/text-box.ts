import type { DomElement, DomNode } from "./dom/dom-nodes.js";
import { fontMetrics } from "./font-metrics.js";
import { fontSizePx } from "./house-style.js";

/** A box in pixels, as getBoundingClientRect gives it. */
export interface TextBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Line {
  widthPx: number;
  sizePx: number;
}

type Point = readonly [x: number, y: number];

const lineHeight = 1.3;
const ascent = 0.97;

/** The width of a plain label of one line, in pixels. */
export function labelWidthPx(text: string, sizePx: number = fontSizePx, bold = false): number {
  return fontMetrics(bold ? "bold" : "regular").widthPx(text, sizePx);
}

/**
 * The box around the texts of an SVG element, measured with the bundled font: the document that plotly draws into has no layout, and
 * plotly asks for these boxes to place titles, ticks and annotations. Shapes without text have no extent here.
 * @param own true applies every transform up to the drawing (getBoundingClientRect), false leaves the element's own
 * coordinates (getBBox)
 */
export function measureTexts(element: DomElement, own: boolean): TextBox {
  const texts = element.localName === "text" ? [element] : Array.from(element.querySelectorAll("text"));
  const corners = texts.flatMap((text) => {
    const { left, top, width, height } = localBox(text);
    const box: Point[] = [
      [left, top],
      [left + width, top],
      [left, top + height],
      [left + width, top + height],
    ];
    return width === 0 ? [] : box.map((corner) => transformed(corner, text, own ? null : element));
  });
  if (corners.length === 0) return { left: 0, top: 0, width: 0, height: 0 };
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  return { left, top, width: Math.max(...xs) - left, height: Math.max(...ys) - top };
}

/** The box of one text element before any transform. */
function localBox(text: DomElement): TextBox {
  const lines: Line[] = [];
  addLines(text, lines, isBold(text));
  if (lines.length === 0) return { left: 0, top: 0, width: 0, height: 0 };
  const width = Math.max(...lines.map((line) => line.widthPx));
  const height = lines.reduce((sum, line) => sum + lineHeight * line.sizePx, 0);
  const anchor = anchorOf(text);
  const left = anchor === "middle" ? -width / 2 : anchor === "end" ? -width : 0;
  return {
    left: numberOf(text, "x") + left,
    top: numberOf(text, "y") - ascent * lines[0].sizePx,
    width,
    height,
  };
}

function addLines(node: DomNode, lines: Line[], bold: boolean): void {
  for (const child of Array.from(node.childNodes)) {
    if (child.nodeType === 3) {
      const text = child.textContent ?? "";
      if (text === "") continue;
      if (lines.length === 0) lines.push({ widthPx: 0, sizePx: 0 });
      const line = lines[lines.length - 1];
      const sizePx = sizeOf(node as DomElement);
      line.widthPx += labelWidthPx(text, sizePx, bold);
      line.sizePx = Math.max(line.sizePx, sizePx);
    } else if (child.nodeType === 1) {
      const element = child as DomElement;
      if (element.getAttribute("class")?.includes("line"))
        lines.push({ widthPx: 0, sizePx: sizeOf(element) });
      addLines(element, lines, bold || isBold(element));
    }
  }
}

/** Carries a point through the transforms from an element up to, not including, `until`. */
function transformed(point: Point, element: DomElement, until: DomElement | null): Point {
  let at = point;
  for (let node: DomElement | null = element; node && node !== until; node = node.parentElement) {
    const transform = node.getAttribute("transform");
    if (transform) at = applyTransform(at, transform);
  }
  return at;
}

/** Applies an SVG transform list of translations, rotations and scalings, last one first. */
function applyTransform([x0, y0]: Point, transform: string): Point {
  let x = x0;
  let y = y0;
  for (const [, name, list] of [...transform.matchAll(/(translate|rotate|scale)\(([^)]*)\)/g)].reverse()) {
    const [a = 0, b, c = 0] = list.split(/[\s,]+/).map(Number);
    if (name === "translate") {
      x += a;
      y += b ?? 0;
    } else if (name === "scale") {
      x *= a;
      y *= b ?? a;
    } else {
      const angle = (a * Math.PI) / 180;
      const dx = x - (b ?? 0);
      const dy = y - c;
      x = (b ?? 0) + dx * Math.cos(angle) - dy * Math.sin(angle);
      y = c + dx * Math.sin(angle) + dy * Math.cos(angle);
    }
  }
  return [x, y];
}

function numberOf(element: DomElement, attribute: string): number {
  return Number(element.getAttribute(attribute)) || 0;
}

function isBold(element: DomElement): boolean {
  return /font-weight:\s*(bold|[6-9]00)/.test(element.getAttribute("style") ?? "");
}

function sizeOf(element: DomElement): number {
  for (let at: DomElement | null = element; at; at = at.parentElement) {
    const size = /font-size:\s*([\d.]+)px/.exec(at.getAttribute("style") ?? "");
    if (size) return Number(size[1]);
  }
  return fontSizePx;
}

function anchorOf(element: DomElement): string {
  for (let at: DomElement | null = element; at; at = at.parentElement) {
    const anchor =
      at.getAttribute("text-anchor") ?? /text-anchor:\s*(\w+)/.exec(at.getAttribute("style") ?? "")?.[1];
    if (anchor) return anchor;
  }
  return "start";
}
