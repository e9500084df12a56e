import { type ExploreControl, exploreControl } from "../explore-choices.js";
import { element } from "./element.js";
import type { FormRow } from "./form-rows.js";
import { short } from "./format.js";

/** Positions of a slider that moves by factors. */
const sliderSteps = 240;

/** One row of the form: a label, a field, perhaps a slider. */
export interface ChoiceRow {
  readonly name: string;
  readonly box: HTMLElement;
  /** Shows a value: chosen by the reader, or what holds where nothing is chosen. */
  show(value: string | undefined, isChosen: boolean): void;
  /** Moves the ends of its slider. */
  setEnds(min: number, max: number): void;
  /** A field beside its own. */
  add(label: string, field: HTMLElement): void;
}

/**
 * A row for a choice.
 * @param choose called with what the reader chose; undefined takes a choice back
 */
export function choiceRow(row: FormRow, choose: (value: string | undefined) => void): ChoiceRow {
  const control = exploreControl(row.name);
  return control.kind === "switch" || control.kind === "word"
    ? pickedRow(row, control, choose)
    : numberRow(row, control, choose);
}

function pickedRow(
  row: FormRow,
  control: ExploreControl,
  choose: (value: string | undefined) => void,
): ChoiceRow {
  const id = `choice-${row.name}`;
  const label = element("label", { for: id, title: control.says }, row.label);
  if (control.kind === "switch") {
    const field = element("input", { id, type: "checkbox", title: control.says });
    const box = element("div", { class: "row" }, label, field);
    field.addEventListener("change", () => choose(field.checked ? "on" : "off"));
    return {
      name: row.name,
      box,
      show(value, isChosen) {
        field.checked = value === "on" || value === "true";
        box.classList.toggle("chosen", isChosen);
      },
      setEnds: () => {},
      add: () => {},
    };
  }
  const words = control.words ?? [];
  const asTrace = element("option", { value: "" }, "as the trace has it");
  const field = element(
    "select",
    { id, title: control.says },
    asTrace,
    ...words.map((word) => element("option", { value: word }, word)),
  );
  const box = element("div", { class: "row" }, label, field);
  field.addEventListener("change", () => choose(field.value === "" ? undefined : field.value));
  return {
    name: row.name,
    box,
    show(value, isChosen) {
      asTrace.textContent = value === undefined || isChosen ? "as the trace has it" : `${value}`;
      field.value = isChosen && value !== undefined ? value : "";
      box.classList.toggle("chosen", isChosen);
    },
    setEnds: () => {},
    add: () => {},
  };
}

function numberRow(
  row: FormRow,
  control: ExploreControl,
  choose: (value: string | undefined) => void,
): ChoiceRow {
  const id = `choice-${row.name}`;
  const whole = control.kind === "whole";
  const field = element("input", {
    id,
    type: "number",
    step: whole ? 1 : "any",
    min: whole ? (control.min ?? 0) : 0,
    title: control.says,
    placeholder: row.usual ?? "none",
  });
  const label = element("label", { for: id, title: control.says }, row.label);
  const box = element("div", { class: "row" }, label, field);
  field.addEventListener("change", () => choose(field.value.trim() === "" ? undefined : field.value));
  let slider: HTMLInputElement | undefined;
  let [min, max] = [row.slider?.min ?? 0, row.slider?.max ?? 1];
  const isLog = row.slider?.scale === "log";
  const atPosition = (position: number) => {
    const value = isLog
      ? min * (max / min) ** (position / sliderSteps)
      : min + ((max - min) * position) / sliderSteps;
    return whole ? Math.round(value) : Number(short(value));
  };
  const positionOf = (value: number) => {
    const share = isLog
      ? Math.log(Math.max(value, min) / min) / Math.log(max / min)
      : (value - min) / (max - min);
    return Math.round(sliderSteps * Math.min(1, Math.max(0, share)));
  };
  if (row.slider) {
    slider = element("input", { type: "range", min: 0, max: sliderSteps, step: 1, "aria-label": row.label });
    const range = slider;
    range.addEventListener("input", () => {
      const value = String(atPosition(Number(range.value)));
      field.value = value;
      range.setAttribute("aria-valuetext", value);
      choose(value);
    });
    box.append(range);
  }
  return {
    name: row.name,
    box,
    show(value, isChosen) {
      box.classList.toggle("chosen", isChosen);
      // What is being typed stays as it is typed.
      if (document.activeElement !== field) field.value = value ?? "";
      if (slider && document.activeElement !== slider && value !== undefined) {
        slider.value = String(positionOf(Number(value)));
        slider.setAttribute("aria-valuetext", value);
      }
    },
    setEnds(least, most) {
      [min, max] = [least, Math.max(most, least * 1.0001)];
    },
    add(text, other) {
      box.insertBefore(element("label", { for: other.id }, text), slider ?? null);
      box.insertBefore(other, slider ?? null);
    },
  };
}
