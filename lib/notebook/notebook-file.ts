import { InputError, isJsonObject } from "../base/index.js";

/** A JSON value of a notebook. */
export type NotebookJson =
  | string
  | number
  | boolean
  | null
  | readonly NotebookJson[]
  | { readonly [key: string]: NotebookJson };

/** One output of a code cell, as nbformat 4 has it. Texts are whole strings in memory, lists of lines in the file. */
export type CellOutput =
  | { readonly output_type: "stream"; readonly name: "stdout" | "stderr"; readonly text: string }
  | {
      readonly output_type: "display_data";
      readonly data: { readonly [mime: string]: NotebookJson };
      readonly metadata: { readonly [key: string]: NotebookJson };
    }
  | {
      readonly output_type: "execute_result";
      /** The cell's. */
      readonly execution_count: number | null;
      readonly data: { readonly [mime: string]: NotebookJson };
      readonly metadata: { readonly [key: string]: NotebookJson };
    }
  | {
      readonly output_type: "error";
      readonly ename: string;
      readonly evalue: string;
      readonly traceback: readonly string[];
    };

/** One cell. */
export interface NotebookCell {
  readonly cellType: "markdown" | "code" | "raw";
  readonly id: string;
  readonly source: string;
  readonly metadata: { readonly [key: string]: NotebookJson };
  /** Of code cells. */
  readonly executionCount?: number;
  readonly outputs?: readonly CellOutput[];
}

/** A notebook in memory. */
export interface Notebook {
  readonly cells: readonly NotebookCell[];
  readonly metadata: { readonly [key: string]: NotebookJson };
}

type JsonObject = { readonly [key: string]: NotebookJson };

/**
 * Reads a notebook of nbformat 4.
 * @throws InputError when the text is no such notebook
 */
export function parseNotebook(text: string, file: string): Notebook {
  let json: NotebookJson;
  try {
    json = JSON.parse(text) as NotebookJson;
  } catch (error) {
    throw new InputError(`parseNotebook: ${file} is not JSON: ${(error as Error).message}`);
  }
  if (!isJsonObject(json) || json.nbformat !== 4 || !Array.isArray(json.cells))
    throw new InputError(`parseNotebook: ${file} is no notebook of nbformat 4`);
  return {
    cells: json.cells.map((cell, index) => parseCell(cell, `${file}, cell ${index + 1}`, index)),
    metadata: isJsonObject(json.metadata) ? json.metadata : {},
  };
}

function parseCell(cell: NotebookJson, where: string, index: number): NotebookCell {
  if (!isJsonObject(cell)) throw new InputError(`parseNotebook: ${where} is no object`);
  const cellType = cell.cell_type;
  if (cellType !== "markdown" && cellType !== "code" && cellType !== "raw")
    throw new InputError(`parseNotebook: ${where} has the unknown cell_type ${JSON.stringify(cellType)}`);
  const rest = {
    cellType,
    id: typeof cell.id === "string" ? cell.id : `cell-${index + 1}`,
    source: joined(cell.source ?? ""),
    metadata: isJsonObject(cell.metadata) ? cell.metadata : {},
  } as const;
  if (cellType !== "code") return rest;
  return {
    ...rest,
    ...(typeof cell.execution_count === "number" ? { executionCount: cell.execution_count } : {}),
    outputs: Array.isArray(cell.outputs)
      ? cell.outputs.flatMap((one: NotebookJson) => (isJsonObject(one) ? [parseOutput(one)] : []))
      : [],
  };
}

function parseOutput(output: JsonObject): CellOutput {
  const known = output as unknown as CellOutput;
  if (known.output_type === "stream") return { ...known, text: joined(output.text ?? "") };
  if (known.output_type === "error") return known;
  const data = isJsonObject(output.data) ? output.data : {};
  const count = typeof output.execution_count === "number" ? output.execution_count : null;
  return {
    ...(known.output_type === "execute_result"
      ? { output_type: "execute_result", execution_count: count }
      : { output_type: "display_data" }),
    data: Object.fromEntries(
      Object.entries(data).map(([mime, value]) => [mime, isJsonMime(mime) ? value : joined(value)]),
    ),
    metadata: isJsonObject(output.metadata) ? output.metadata : {},
  };
}

/**
 * Writes a notebook as Jupyter does: keys sorted, one space of indentation, texts as lists of lines, a newline at
 * the end. The same notebook gives the same bytes.
 */
export function formatNotebook(notebook: Notebook): string {
  const json = {
    cells: notebook.cells.map(({ cellType, id, source, metadata, executionCount, outputs }) => ({
      cell_type: cellType,
      id,
      metadata,
      source: lines(source),
      ...(cellType === "code"
        ? { execution_count: executionCount ?? null, outputs: (outputs ?? []).map(formatOutput) }
        : {}),
    })),
    metadata: notebook.metadata,
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(sorted(json as unknown as NotebookJson), null, 1)}\n`;
}

function formatOutput(output: CellOutput): NotebookJson {
  if (output.output_type === "stream") return { ...output, text: lines(output.text) };
  if (output.output_type === "error") return { ...output };
  return {
    ...output,
    data: Object.fromEntries(
      Object.entries(output.data).map(([mime, value]) => [
        mime,
        typeof value === "string" && !isJsonMime(mime) && !mime.startsWith("image/png")
          ? lines(value)
          : value,
      ]),
    ),
  };
}

function sorted(value: NotebookJson): NotebookJson {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function lines(text: string): string[] {
  return text === "" ? [] : (text.match(/[^\n]*\n|[^\n]+$/g) ?? []);
}

function joined(source: NotebookJson): string {
  return Array.isArray(source) ? source.join("") : String(source);
}

function isJsonMime(mime: string): boolean {
  return mime === "application/json" || mime.endsWith("+json");
}
