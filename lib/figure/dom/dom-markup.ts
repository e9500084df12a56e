import { type DomElement, DomText } from "./dom-nodes.js";

/** An element as XML, as a browser's XMLSerializer writes it. */
export function domMarkup(element: DomElement, outerNamespace?: string): string {
  const { localName, namespaceURI, attributes, childNodes } = element;
  let text = `<${localName}`;
  if (namespaceURI !== outerNamespace && !element.hasAttribute("xmlns")) text += ` xmlns="${namespaceURI}"`;
  for (const { name, value } of attributes) text += ` ${name}="${escaped(value, attributeMarks)}"`;
  if (childNodes.length === 0) return `${text}/>`;
  text += ">";
  for (const child of childNodes)
    text +=
      child instanceof DomText
        ? escaped(child.data, textMarks)
        : domMarkup(child as DomElement, namespaceURI);
  return `${text}</${localName}>`;
}

const textMarks = /[&<>]/g;
const attributeMarks = /[&<>"\t\n\r]/g;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};

function escaped(text: string, marks: RegExp): string {
  return text.replace(marks, (mark) => entities[mark]);
}
