// Writes every mutant of a source file into it at once, each behind a switch: `__mutants.on === 17 ? mutated : original`.
// With `record`, the same places note that they were reached instead.
import ts from "typescript";

const swapped = {
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "&": ["|"],
  "|": ["&"],
  "^": ["&"],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "/=": ["*="],
};

/** Calls that are replaced by what they are called on. */
const droppedMethods = new Set(["filter", "map", "flatMap", "sort", "reverse", "slice"]);
/** Calls of Math that are replaced by an argument of theirs. */
const droppedMath = new Set(["abs", "floor", "ceil", "round", "trunc", "sqrt", "min", "max"]);

/**
 * @param {string} file the file's path, for the mutants' keys
 * @param {string} text its TypeScript
 * @param {{ firstId?: number, record?: boolean }} [options]
 * @returns {{ code: string, mutants: { id: number, key: string, line: number }[] }}
 */
export function instrument(file, text, { firstId = 1, record = false } = {}) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const mutants = [];
  const seen = new Map();
  const textOf = (node) => text.slice(node.getStart(source), node.end);

  function add(node, original, replacement) {
    const name = `${file} ${enclosingName(node)}: ${brief(original)} → ${brief(replacement)}`;
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    const id = firstId + mutants.length;
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    mutants.push({ id, key: nth === 1 ? name : `${name} #${nth}`, line });
    return id;
  }

  /** The node's text with its children's mutants in it. */
  function renderChildren(node) {
    let out = "";
    let at = node.getStart(source);
    node.forEachChild((child) => {
      const start = child.getStart(source);
      out += text.slice(at, start) + render(child);
      at = child.end;
    });
    return out + text.slice(at, node.end);
  }

  function render(node) {
    if (isLeftAlone(node)) return textOf(node);
    if (isRemovable(node)) {
      const id = add(node, textOf(node), "nothing");
      const inner = renderChildren(node);
      const switched = record
        ? `{ __mutants.reach(${id}); ${inner} }`
        : `{ if (__mutants.on !== ${id}) { ${inner} } }`;
      return counted(node, switched);
    }
    const replacements = isExpressionPlace(node) ? replacementsOf(node, textOf) : [];
    const ids = replacements.map(([original, replacement]) => add(node, original, replacement));
    const inner = counted(node, renderChildren(node));
    if (ids.length === 0) return inner;
    if (record) return `(__mutants.reach(${ids[0]}, ${ids.length}), (${inner}))`;
    const last = ids.length - 1;
    let chosen = `(${replacements[last][1]})`;
    for (let i = last - 1; i >= 0; i--)
      chosen = `__mutants.on === ${ids[i]} ? (${replacements[i][1]}) : ${chosen}`;
    return `(__mutants.on < ${ids[0]} || __mutants.on > ${ids[last]} ? (${inner}) : ${chosen})`;
  }

  /** Loops count their turns, so that one that does not end is found without a clock. */
  function counted(node, rendered) {
    const parent = node.parent;
    if (!parent || !ts.isIterationStatement(parent, false) || parent.statement !== node) return rendered;
    return `{ if (++__mutants.turns > __mutants.mostTurns) __mutants.stop(); ${rendered} }`;
  }

  let code = "";
  let at = 0;
  for (const statement of source.statements) {
    const start = statement.getStart(source);
    code += text.slice(at, start) + render(statement);
    at = statement.end;
  }
  return { code: code + text.slice(at), mutants };
}

/** Types, imports, words and messages of errors are nobody's behaviour. */
function isLeftAlone(node) {
  return (
    ts.isTypeNode(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isThrowStatement(node) ||
    ts.isTemplateExpression(node) ||
    ts.isTypeParameterDeclaration(node)
  );
}

function isRemovable(node) {
  if (!ts.isExpressionStatement(node)) return false;
  const { expression } = node;
  if (ts.isCallExpression(expression)) return expression.expression.kind !== ts.SyntaxKind.SuperKeyword;
  if (ts.isBinaryExpression(expression)) return ts.isAssignmentOperator(expression.operatorToken.kind);
  return (
    ts.isPostfixUnaryExpression(expression) ||
    ts.isPrefixUnaryExpression(expression) ||
    ts.isAwaitExpression(expression)
  );
}

/** False where parentheses around the node would change what it means. */
function isExpressionPlace(node) {
  const { parent } = node;
  if (!ts.isExpression(node) || !parent) return false;
  if (ts.isForStatement(parent) && parent.incrementor === node) return false;
  if (ts.isExpressionStatement(parent) && !ts.isBinaryExpression(node) && !isStep(node)) return false;
  if (node.flags & ts.NodeFlags.OptionalChain && ts.isExpression(parent) && parent.expression === node)
    return false;
  return !("name" in parent && parent.name === node);
}

function isStep(node) {
  return ts.isPostfixUnaryExpression(node) || ts.isPrefixUnaryExpression(node);
}

/** Pairs of what the report calls the original and what stands in its place. */
function replacementsOf(node, textOf) {
  const own = ownReplacements(node, textOf);
  const whole = textOf(node);
  const added = new Set(own.map(([, replacement]) => replacement));
  const also = (replacement) => {
    if (!added.has(replacement) && replacement !== whole) own.push([whole, replacement]);
    added.add(replacement);
  };
  const { parent } = node;
  if ((ts.isIfStatement(parent) && parent.expression === node) || isChoice(parent, node)) {
    also("true");
    also("false");
  }
  if ((ts.isWhileStatement(parent) || ts.isDoStatement(parent)) && parent.expression === node) also("false");
  if (ts.isForStatement(parent) && parent.condition === node) also("false");
  const isReturned =
    (ts.isReturnStatement(parent) && parent.expression === node) ||
    (ts.isArrowFunction(parent) && parent.body === node);
  if (isReturned && whole !== "undefined" && whole !== "true" && whole !== "false") also("undefined");
  return own;
}

function isChoice(parent, node) {
  return ts.isConditionalExpression(parent) && parent.condition === node;
}

function ownReplacements(node, textOf) {
  const whole = textOf(node);
  if (ts.isNumericLiteral(node)) {
    const value = Number(whole.replaceAll("_", ""));
    // One more or less of a hundred is no fault worth finding.
    const isCount = Number.isInteger(value) && value < 100;
    const others = isCount ? [value + 1, value - 1] : [value * 2, value / 2];
    return others.map((other) => [whole, String(other)]);
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [[whole, "false"]];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [[whole, "true"]];
  if (ts.isBinaryExpression(node)) return binaryReplacements(node, textOf);
  if (ts.isPrefixUnaryExpression(node)) {
    const operand = textOf(node.operand);
    if (node.operator === ts.SyntaxKind.MinusToken || node.operator === ts.SyntaxKind.ExclamationToken)
      return [[whole, operand]];
    if (node.operator === ts.SyntaxKind.PlusPlusToken) return [[whole, `--${operand}`]];
    if (node.operator === ts.SyntaxKind.MinusMinusToken) return [[whole, `++${operand}`]];
    return [];
  }
  if (ts.isPostfixUnaryExpression(node)) {
    const other = node.operator === ts.SyntaxKind.PlusPlusToken ? "--" : "++";
    return [[whole, `${textOf(node.operand)}${other}`]];
  }
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression))
    return callReplacements(node, textOf);
  return [];
}

function binaryReplacements(node, textOf) {
  const left = textOf(node.left);
  const right = textOf(node.right);
  const operator = node.operatorToken.getText();
  const whole = textOf(node);
  if (operator === "??") return [left, right].map((side) => [whole, side]);
  if (operator === "??=") return [[whole, `${left} = ${right}`]];
  if (operator === "+" && (hasWords(node.left) || hasWords(node.right))) return [];
  const isAssignment = ts.isAssignmentOperator(node.operatorToken.kind);
  return (swapped[operator] ?? []).map((other) => [
    whole,
    isAssignment
      ? `${left} ${other} ${right}`
      : `${grouped(node.left, left)} ${other} ${grouped(node.right, right)}`,
  ]);
}

/** Operands that bind less tightly than the new operator keep together. */
function grouped(node, text) {
  return ts.isBinaryExpression(node) || ts.isConditionalExpression(node) || ts.isArrowFunction(node)
    ? `(${text})`
    : text;
}

function hasWords(node) {
  return (
    ts.isStringLiteral(node) ||
    ts.isTemplateExpression(node) ||
    ts.isNoSubstitutionTemplateLiteral(node) ||
    (ts.isBinaryExpression(node) && (hasWords(node.left) || hasWords(node.right)))
  );
}

function callReplacements(node, textOf) {
  const whole = textOf(node);
  const { expression: receiver, name } = node.expression;
  const method = name.text;
  if (ts.isIdentifier(receiver) && receiver.text === "Math") {
    if (!droppedMath.has(method)) return [];
    const args = node.arguments.filter((argument) => !ts.isSpreadElement(argument)).map(textOf);
    if (args.length < node.arguments.length) {
      const other = method === "min" ? "max" : "min";
      return [[whole, whole.replace(`Math.${method}`, `Math.${other}`)]];
    }
    return args.map((argument) => [whole, argument]);
  }
  if (method === "some" || method === "every") {
    const other = method === "some" ? "every" : "some";
    const args = node.arguments.map(textOf).join(", ");
    return [[whole, `${textOf(receiver)}.${other}(${args})`]];
  }
  return droppedMethods.has(method) ? [[whole, textOf(receiver)]] : [];
}

function enclosingName(node) {
  const names = [];
  for (let at = node.parent; at; at = at.parent) {
    if (ts.isConstructorDeclaration(at)) names.unshift("constructor");
    else if (
      (ts.isFunctionDeclaration(at) ||
        ts.isMethodDeclaration(at) ||
        ts.isGetAccessorDeclaration(at) ||
        ts.isClassDeclaration(at)) &&
      at.name
    )
      names.unshift(at.name.getText());
    else if (
      ts.isVariableDeclaration(at) &&
      at.initializer &&
      (ts.isArrowFunction(at.initializer) || ts.isFunctionExpression(at.initializer))
    )
      names.unshift(at.name.getText());
  }
  return names.length > 0 ? names.join(".") : "(file)";
}

/** Long texts keep their two ends. */
function brief(text) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= 72 ? line : `${line.slice(0, 40)} … ${line.slice(-29)}`;
}
