/** An element's own style, as its `style` attribute has it: `name: value;`, in the order in which names were first set. */
export interface InlineStyle {
  cssText: string;
  getPropertyValue(name: string): string;
  getPropertyPriority(name: string): string;
  setProperty(name: string, value: string | null): void;
  removeProperty(name: string): string;
  /** A property by the name that scripts have for it: `style.fontSize`. */
  [property: string]: unknown;
}

/** @param changed told of the new text whenever a property changes */
export function inlineStyle(text: string, changed: (cssText: string) => void): InlineStyle {
  return new Proxy(new Declarations(text, changed), byProperty) as unknown as InlineStyle;
}

class Declarations {
  readonly #values = new Map<string, string>();
  readonly #changed: (cssText: string) => void;

  constructor(text: string, changed: (cssText: string) => void) {
    this.#changed = changed;
    this.#read(text);
  }

  get cssText(): string {
    let text = "";
    for (const [name, value] of this.#values) text += `${text === "" ? "" : " "}${name}: ${value};`;
    return text;
  }

  set cssText(text: string) {
    this.#values.clear();
    this.#read(text);
    this.#changed(this.cssText);
  }

  getPropertyValue = (name: string): string => this.#values.get(name) ?? "";

  getPropertyPriority = (): string => "";

  setProperty = (name: string, value: string | null): void => {
    const text = String(value ?? "").trim();
    if (text === "") this.#values.delete(name);
    else this.#values.set(name, asWritten(name, text));
    this.#changed(this.cssText);
  };

  removeProperty = (name: string): string => {
    const value = this.getPropertyValue(name);
    if (this.#values.delete(name)) this.#changed(this.cssText);
    return value;
  };

  #read(text: string): void {
    for (const declaration of text.split(";")) {
      const colon = declaration.indexOf(":");
      if (colon < 0) continue;
      const name = declaration.slice(0, colon).trim();
      const value = declaration.slice(colon + 1).trim();
      if (value !== "") this.#values.set(name, asWritten(name, value));
    }
  }
}

const byProperty: ProxyHandler<Declarations> = {
  get(style, property) {
    if (typeof property === "symbol" || property in style) return Reflect.get(style, property, style);
    return style.getPropertyValue(cssName(property));
  },
  set(style, property, value) {
    if (property === "cssText") style.cssText = String(value);
    else style.setProperty(cssName(String(property)), value as string | null);
    return true;
  },
};

/** `fontSize` is `font-size`. */
function cssName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** As browsers write a value back: names of fonts with a space in them are quoted. */
function asWritten(name: string, value: string): string {
  if (name !== "font-family") return value;
  const families = value.split(/\s*,\s*/);
  return families.map((family) => (/^[^"'].*\s/.test(family) ? `"${family}"` : family)).join(", ");
}
