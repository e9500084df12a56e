import { WorkError } from "../../base/index.js";

/** What a selector asks an element for. */
export interface Selectable {
  readonly localName: string;
  readonly parentElement: Selectable | null;
  readonly children: readonly Selectable[];
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
}

type Test = (element: Selectable) => boolean;

const compiled = new Map<string, Test>();

/**
 * What a CSS selector asks of an element: lists, descendants and children of tags, classes, ids, attributes, `:not()`,
 * `:first-child`, `:last-child`.
 * @throws WorkError for anything else
 */
export function cssSelector(selector: string): Test {
  let test = compiled.get(selector);
  if (!test) {
    test = anyOf(selector.split(",").map((part) => chain(part.trim())));
    compiled.set(selector, test);
  }
  return test;
}

function anyOf(tests: readonly Test[]): Test {
  return tests.length === 1 ? tests[0] : (element) => tests.some((test) => test(element));
}

function allOf(tests: readonly Test[]): Test {
  return tests.length === 1 ? tests[0] : (element) => tests.every((test) => test(element));
}

/** Compounds one within the other: each step says whether it must be the parent of the next, or any ancestor. */
function chain(selector: string): Test {
  const steps = selector
    .replace(/\s*>\s*/g, " >")
    .split(/\s+/)
    .map((step) => ({ isChild: step.startsWith(">"), test: compound(step.replace(/^>/, ""), selector) }));
  const holds = (element: Selectable, step: number): boolean => {
    const { isChild, test } = steps[step];
    if (!test(element)) return false;
    if (step === 0) return true;
    for (let above = element.parentElement; above; above = above.parentElement) {
      if (holds(above, step - 1)) return true;
      if (isChild) return false;
    }
    return false;
  };
  return (element) => holds(element, steps.length - 1);
}

const simple: readonly (readonly [RegExp, (found: RegExpExecArray, selector: string) => Test])[] = [
  [/^\*/, () => () => true],
  [
    /^[a-zA-Z][\w-]*/,
    ([name]) =>
      ({ localName }) =>
        localName === name,
  ],
  [/^\.((?:[\w-]|\\.)+)/, ([, name]) => hasClass(unescaped(name))],
  [
    /^#((?:[\w-]|\\.)+)/,
    ([, id]) => {
      const wanted = unescaped(id);
      return (element) => element.getAttribute("id") === wanted;
    },
  ],
  [
    /^\[([\w-]+)\]/,
    ([, name]) =>
      (element) =>
        element.hasAttribute(name),
  ],
  [
    /^\[([\w-]+)([*^$]?)=(?:"([^"]*)"|'([^']*)'|([^\]]*))\]/,
    ([, name, how, double, single, bare]) => {
      const wanted = double ?? single ?? bare;
      return (element) => {
        const value = element.getAttribute(name);
        return value !== null && fits[how](value, wanted);
      };
    },
  ],
  [
    /^:not\(([^)]*)\)/,
    ([, inner], selector) => {
      const test = compound(inner, selector);
      return (element) => !test(element);
    },
  ],
  [/^:first-child/, () => (element) => element.parentElement?.children[0] === element],
  [/^:last-child/, () => (element) => element.parentElement?.children.at(-1) === element],
];

function compound(text: string, selector: string): Test {
  const tests: Test[] = [];
  for (let rest = text; rest !== ""; ) {
    const part = simple
      .map(([pattern, make]) => ({ found: pattern.exec(rest), make }))
      .find(({ found }) => found !== null);
    if (!part?.found) throw new WorkError(`cssSelector: ${selector} has a part that is not known: ${rest}`);
    tests.push(part.make(part.found, selector));
    rest = rest.slice(part.found[0].length);
  }
  return allOf(tests);
}

function hasClass(name: string): Test {
  return (element) => {
    const classes = element.getAttribute("class");
    if (classes === null || classes.length < name.length) return false;
    return classes === name || ` ${classes} `.includes(` ${name} `);
  };
}

/** How an attribute's value is compared, by the sign before the equals. */
const fits: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  "": (value, wanted) => value === wanted,
  "*": (value, wanted) => value.includes(wanted),
  "^": (value, wanted) => value.startsWith(wanted),
  $: (value, wanted) => value.endsWith(wanted),
};

function unescaped(name: string): string {
  return name.replaceAll("\\", "");
}
