import { InvariantError } from "../../base/index.js";
import { cssSelector } from "./css-selector.js";
import { type InlineStyle, inlineStyle } from "./inline-style.js";

export const svgNamespace = "http://www.w3.org/2000/svg";
export const htmlNamespace = "http://www.w3.org/1999/xhtml";

/** A node of a drawing: the part of the DOM's Node that plotly draws with, with the DOM's names and meanings. */
export abstract class DomNode {
  abstract readonly nodeType: number;
  abstract readonly nodeName: string;
  readonly ownerDocument: DomDocument;
  parentNode: DomNode | null = null;
  readonly childNodes: DomNode[] = [];

  constructor(ownerDocument?: DomDocument) {
    this.ownerDocument = ownerDocument ?? (this as unknown as DomDocument);
  }

  abstract cloneNode(deep?: boolean): DomNode;

  get parentElement(): DomElement | null {
    return this.parentNode instanceof DomElement ? this.parentNode : null;
  }

  get firstChild(): DomNode | null {
    return this.childNodes[0] ?? null;
  }

  get lastChild(): DomNode | null {
    return this.childNodes.at(-1) ?? null;
  }

  get nextSibling(): DomNode | null {
    return this.#sibling(1);
  }

  get previousSibling(): DomNode | null {
    return this.#sibling(-1);
  }

  get isConnected(): boolean {
    return this.ownerDocument.contains(this);
  }

  get textContent(): string {
    let text = "";
    for (const child of this.childNodes) text += child.textContent;
    return text;
  }

  set textContent(text: string | null) {
    for (const child of this.childNodes) child.parentNode = null;
    this.childNodes.length = 0;
    if (text !== null && text !== undefined && String(text) !== "")
      this.appendChild(this.ownerDocument.createTextNode(text));
  }

  hasChildNodes(): boolean {
    return this.childNodes.length > 0;
  }

  contains(other: DomNode | null): boolean {
    for (let node = other; node; node = node.parentNode) if (node === this) return true;
    return false;
  }

  appendChild<T extends DomNode>(child: T): T {
    return this.insertBefore(child, null);
  }

  append(...children: DomNode[]): void {
    for (const child of children) this.insertBefore(child, null);
  }

  insertBefore<T extends DomNode>(child: T, before: DomNode | null): T {
    if (child instanceof DomFragment) {
      for (const inner of [...child.childNodes]) this.insertBefore(inner, before);
      return child;
    }
    if ((child as DomNode) === before) return child;
    child.parentNode?.removeChild(child);
    const at = before ? this.childNodes.indexOf(before) : this.childNodes.length;
    if (at < 0) throw new InvariantError("insertBefore: the reference is no child of the node");
    this.childNodes.splice(at, 0, child);
    child.parentNode = this;
    return child;
  }

  removeChild<T extends DomNode>(child: T): T {
    const at = this.childNodes.indexOf(child);
    if (at < 0) throw new InvariantError("removeChild: not a child of the node");
    this.childNodes.splice(at, 1);
    child.parentNode = null;
    return child;
  }

  replaceChild<T extends DomNode>(child: DomNode, old: T): T {
    this.insertBefore(child, old);
    return this.removeChild(old);
  }

  remove(): void {
    this.parentNode?.removeChild(this);
  }

  getRootNode(): DomNode {
    return this.parentNode?.getRootNode() ?? this;
  }

  addEventListener(): void {}

  removeEventListener(): void {}

  dispatchEvent(): boolean {
    return true;
  }

  #sibling(step: number): DomNode | null {
    const siblings = this.parentNode?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + step] ?? null;
  }
}

/** A text. */
export class DomText extends DomNode {
  readonly nodeType = 3;
  readonly nodeName = "#text";
  data: string;

  constructor(ownerDocument: DomDocument, data: string) {
    super(ownerDocument);
    this.data = String(data);
  }

  override get textContent(): string {
    return this.data;
  }

  override set textContent(text: string | null) {
    this.data = String(text ?? "");
  }

  cloneNode(): DomText {
    return this.ownerDocument.createTextNode(this.data);
  }
}

/** Nodes that are put somewhere together. */
export class DomFragment extends DomNode {
  readonly nodeType = 11;
  readonly nodeName = "#document-fragment";

  cloneNode(): DomFragment {
    return new DomFragment(this.ownerDocument);
  }
}

/** An element, with what its kind of document has measured of it. */
export class DomElement extends DomNode {
  readonly nodeType = 1;
  readonly namespaceURI: string;
  readonly localName: string;
  readonly nodeName: string;
  readonly clientWidth = 0;
  readonly clientHeight = 0;
  readonly offsetWidth = 0;
  readonly offsetHeight = 0;
  readonly offsetParent = null;
  readonly #attributes = new Map<string, string>();
  #style: InlineStyle | undefined;
  #writesStyle = false;

  constructor(ownerDocument: DomDocument, namespaceURI: string, name: string) {
    super(ownerDocument);
    this.namespaceURI = namespaceURI;
    const isHtml = namespaceURI === htmlNamespace;
    this.localName = isHtml ? name.toLowerCase() : name;
    this.nodeName = isHtml ? name.toUpperCase() : name;
  }

  get tagName(): string {
    return this.nodeName;
  }

  get style(): InlineStyle {
    this.#style ??= inlineStyle(this.getAttribute("style") ?? "", (text) => {
      this.#writesStyle = true;
      this.setAttribute("style", text);
      this.#writesStyle = false;
    });
    return this.#style;
  }

  get id(): string {
    return this.getAttribute("id") ?? "";
  }

  set id(id: string) {
    this.setAttribute("id", id);
  }

  get className(): unknown {
    const text = this.getAttribute("class") ?? "";
    return this.namespaceURI === svgNamespace ? { baseVal: text } : text;
  }

  set className(text: string) {
    this.setAttribute("class", text);
  }

  get classList() {
    const names = () => (this.getAttribute("class") ?? "").split(/\s+/).filter((name) => name !== "");
    const put = (all: readonly string[]) => this.setAttribute("class", all.join(" "));
    return {
      add: (...added: string[]) => put([...new Set([...names(), ...added])]),
      remove: (...removed: string[]) => {
        if (this.hasAttribute("class")) put(names().filter((name) => !removed.includes(name)));
      },
      contains: (name: string) => names().includes(name),
    };
  }

  get attributes(): { readonly name: string; readonly value: string }[] {
    return Array.from(this.#attributes, ([name, value]) => ({ name, value }));
  }

  get children(): DomElement[] {
    return this.childNodes.filter((child) => child instanceof DomElement);
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value));
    if (name === "style" && !this.#writesStyle) this.#style = undefined;
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name);
    if (name === "style") this.#style = undefined;
  }

  getAttributeNS(_namespace: string | null, name: string): string | null {
    return this.getAttribute(this.#qualified(name));
  }

  hasAttributeNS(_namespace: string | null, name: string): boolean {
    return this.hasAttribute(this.#qualified(name));
  }

  setAttributeNS(_namespace: string | null, name: string, value: unknown): void {
    this.setAttribute(name, value);
  }

  removeAttributeNS(_namespace: string | null, name: string): void {
    this.removeAttribute(this.#qualified(name));
  }

  matches(selector: string): boolean {
    return cssSelector(selector)(this);
  }

  closest(selector: string): DomElement | null {
    return this.matches(selector) ? this : (this.parentElement?.closest(selector) ?? null);
  }

  querySelector(selector: string): DomElement | null {
    return first(this, cssSelector(selector));
  }

  querySelectorAll(selector: string): DomElement[] {
    const found: DomElement[] = [];
    collect(this, cssSelector(selector), found);
    return found;
  }

  getElementsByTagName(name: string): DomElement[] {
    return this.querySelectorAll(name);
  }

  getElementsByClassName(name: string): DomElement[] {
    return this.querySelectorAll(`.${name}`);
  }

  cloneNode(deep = false): DomElement {
    const copy = this.ownerDocument.createElementNS(this.namespaceURI, this.localName);
    for (const [name, value] of this.#attributes) copy.setAttribute(name, value);
    if (deep) for (const child of this.childNodes) copy.appendChild(child.cloneNode(true));
    return copy;
  }

  /** A canvas has nothing to draw with. */
  getContext(): null {
    return null;
  }

  /** The rules of a style element count for nobody: a drawing's styles are inline. */
  get sheet() {
    return { insertRule() {}, cssRules: [] };
  }

  focus(): void {}

  /** An attribute asked for by its local name may be here with a prefix. */
  #qualified(name: string): string {
    if (this.#attributes.has(name)) return name;
    for (const full of this.#attributes.keys()) if (full.endsWith(`:${name}`)) return full;
    return name;
  }
}

/** A document: an `html` element with a head and a body, and makes all other nodes. */
export class DomDocument extends DomNode {
  readonly nodeType = 9;
  readonly nodeName = "#document";
  readonly head: DomElement;
  readonly body: DomElement;
  readonly documentElement: DomElement;
  /** The window that shows it. */
  defaultView: unknown;
  readonly #kinds: Readonly<Record<string, typeof DomElement>>;

  /** @param kinds the classes of elements by namespace */
  constructor(kinds: Readonly<Record<string, typeof DomElement>>) {
    super();
    this.#kinds = kinds;
    this.documentElement = this.createElement("html");
    this.head = this.createElement("head");
    this.body = this.createElement("body");
    this.documentElement.append(this.head, this.body);
    this.appendChild(this.documentElement);
  }

  createElement(name: string): DomElement {
    return this.createElementNS(htmlNamespace, name);
  }

  createElementNS(namespace: string, name: string): DomElement {
    return new (this.#kinds[namespace] ?? DomElement)(this, namespace, name);
  }

  createTextNode(text: string): DomText {
    return new DomText(this, text);
  }

  createDocumentFragment(): DomFragment {
    return new DomFragment(this);
  }

  getElementById(id: string): DomElement | null {
    return first(this, (element) => element.getAttribute("id") === id);
  }

  querySelector(selector: string): DomElement | null {
    return first(this, cssSelector(selector));
  }

  querySelectorAll(selector: string): DomElement[] {
    const found: DomElement[] = [];
    collect(this, cssSelector(selector), found);
    return found;
  }

  cloneNode(): DomDocument {
    return new DomDocument(this.#kinds);
  }
}

function first(within: DomNode, test: (element: DomElement) => boolean): DomElement | null {
  for (const child of within.childNodes) {
    if (!(child instanceof DomElement)) continue;
    const found = test(child) ? child : first(child, test);
    if (found) return found;
  }
  return null;
}

function collect(within: DomNode, test: (element: DomElement) => boolean, found: DomElement[]): void {
  for (const child of within.childNodes) {
    if (!(child instanceof DomElement)) continue;
    if (test(child)) found.push(child);
    collect(child, test, found);
  }
}
