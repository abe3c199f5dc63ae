import { PARAMETER_TYPES, type TaskParameter, textOfDefault } from "@ccr/protocol";
import { z } from "zod";
import { numberOf } from "../ui/number-of.ts";

/** A parameter as it is being declared. Nothing in it need be valid. */
export const ParameterDraft = z.object({
  key: z.string(),
  name: z.string(),
  label: z.string(),
  description: z.string(),
  type: z.enum(PARAMETER_TYPES),
  /** One per line. */
  choices: z.string(),
  default: z.string(),
  required: z.boolean(),
});
export type ParameterDraft = z.infer<typeof ParameterDraft>;

export const TYPE_LABELS: Record<ParameterDraft["type"], string> = {
  text: "One line of text",
  multiline: "Several lines of text",
  choice: "A choice",
  number: "A number",
  boolean: "Yes or no",
};

const nextKey = (drafts: readonly ParameterDraft[]): string => String(Math.max(0, ...drafts.map(({ key }) => Number(key))) + 1);

/** The parameters with another one of this name at the end. Pure. */
export const declare = (drafts: readonly ParameterDraft[], name: string): ParameterDraft[] => [
  ...drafts,
  { key: nextKey(drafts), name, label: "", description: "", type: "text", choices: "", default: "", required: true },
];

export const draftsOfParameters = (parameters: readonly TaskParameter[]): ParameterDraft[] =>
  parameters.map((parameter, index) => ({
    key: String(index + 1),
    name: parameter.name,
    label: parameter.label,
    description: parameter.description,
    type: parameter.type,
    choices: parameter.type === "choice" ? parameter.choices.join("\n") : "",
    default: textOfDefault(parameter) ?? "",
    required: parameter.required,
  }));

const choicesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

const orNull = (text: string): string | null => (text === "" ? null : text);

const defaultOf = (type: ParameterDraft["type"], typed: string): string | number | boolean | null => {
  switch (type) {
    case "choice":
      return orNull(typed.trim());
    case "number":
      return typed.trim() === "" ? null : numberOf(typed);
    case "boolean":
      return typed === "yes";
    case "text":
    case "multiline":
      return orNull(typed);
  }
};

/** The parameters as they are given to the server; it, or its schema, says what is wrong with them. Pure. */
export const parametersFromDrafts = (drafts: readonly ParameterDraft[]): object[] =>
  drafts.map(({ key: _, choices, default: typed, ...parameter }) => ({
    ...parameter,
    ...(parameter.type === "choice" && { choices: choicesOf(choices) }),
    default: defaultOf(parameter.type, typed),
  }));
