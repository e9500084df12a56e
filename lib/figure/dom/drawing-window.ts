import { measureTexts } from "../text-box.js";
import { domMarkup } from "./dom-markup.js";
import { DomDocument, DomElement, DomNode, htmlNamespace, svgNamespace } from "./dom-nodes.js";

class HTMLElement extends DomElement {
  getBoundingClientRect() {
    return rectangle(this, true);
  }
}

class SVGElement extends HTMLElement {
  getBBox() {
    return rectangle(this, false);
  }

  getComputedTextLength() {
    return measureTexts(this, false).width;
  }
}

/** A rectangle as plotly reads it. */
function rectangle(element: DomElement, own: boolean) {
  const { left, top, width, height } = measureTexts(element, own);
  return { x: left, y: top, left, top, width, height, right: left + width, bottom: top + height };
}

/** What a script that draws finds in its window. */
export interface DrawingWindow extends Readonly<Record<string, unknown>> {
  readonly document: DomDocument;
}

/** A window that nobody sees: a document to draw into, texts measured with the bundled font, and no network, clock or input. */
export function drawingWindow(): DrawingWindow {
  const document = new DomDocument({ [htmlNamespace]: HTMLElement, [svgNamespace]: SVGElement });
  const silent = () => {};
  const window: Record<string, unknown> & { document: DomDocument } = {
    document,
    Node: DomNode,
    Element: DomElement,
    HTMLElement,
    SVGElement,
    HTMLCanvasElement: class {},
    Blob: class {},
    URL: { createObjectURL: () => "" },
    XMLSerializer: class {
      serializeToString = (element: DomElement) => domMarkup(element);
    },
    DOMParser: class {
      parseFromString = () => document;
    },
    navigator: { userAgent: "", platform: "", language: "en" },
    location: { href: "about:blank", protocol: "about:" },
    console: { log: silent, warn: silent, error: silent, info: silent, trace: silent },
    innerWidth: 1024,
    innerHeight: 768,
    devicePixelRatio: 1,
    addEventListener: silent,
    removeEventListener: silent,
    matchMedia: () => ({ matches: false, addListener: silent, removeListener: silent }),
    requestAnimationFrame: (callback: (atMs: number) => void) => setTimeout(() => callback(0), 0),
    cancelAnimationFrame: clearTimeout,
    setTimeout,
    clearTimeout,
    getComputedStyle: ({ style }: DomElement) => style,
    process: undefined,
  };
  window.window = window;
  window.self = window;
  document.defaultView = window;
  return window;
}
