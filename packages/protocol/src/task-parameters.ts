import { z } from "zod";
import { STEP_TEXT_MAX } from "./step.ts";

/*
 * What is asked for when a task is launched. `{{name}}` in instructions and checks is a place for the parameter of that name, if the task declares one:
 * everything else between such braces is text, as it stands. See `places.ts`.
 */

export const PARAMETERS_MAX = 50;
export const PARAMETER_CHOICES_MAX = 100;
/** A line is a value of a form's field; what is longer is text of several lines, or a file of the repository. */
export const PARAMETER_LINE_MAX = 2000;

export const ParameterName = z
  .string()
  .trim()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]{0,63}$/,
    "the name has letters, digits, '_' and '-', begins with a letter, and is at most 64 long",
  );

const oneLine = (what: string) =>
  z
    .string()
    .max(PARAMETER_LINE_MAX, `${what} is longer than ${PARAMETER_LINE_MAX.toLocaleString("en")} characters`)
    .regex(/^[^\0\r\n]*$/, `${what} must be one line`);
const someLines = (what: string) =>
  z
    .string()
    .max(STEP_TEXT_MAX, `${what} is longer than ${STEP_TEXT_MAX.toLocaleString("en")} characters`)
    .refine((text) => !text.includes("\0"), `${what} holds a NUL character`);

const common = {
  name: ParameterName,
  /** What people read in its place; the name when it is empty. */
  label: oneLine("the label").trim().default(""),
  description: someLines("the description").default(""),
  /** Whether a launch must give it when there is no default. */
  required: z.boolean().default(true),
};

export const PARAMETER_TYPES = ["text", "multiline", "choice", "number", "boolean"] as const;

/** What is asked for, and what stands in its place when nothing is given; null: nothing does. */
export const TaskParameter = z
  .discriminatedUnion("type", [
    z.strictObject({ ...common, type: z.literal("text"), default: oneLine("the default").nullable().default(null) }),
    z.strictObject({ ...common, type: z.literal("multiline"), default: someLines("the default").nullable().default(null) }),
    z.strictObject({
      ...common,
      type: z.literal("choice"),
      choices: z
        .array(oneLine("a choice").refine((choice) => choice.trim() !== "", "a choice is empty"))
        .min(1, "a choice needs something to choose from")
        .max(PARAMETER_CHOICES_MAX, `at most ${PARAMETER_CHOICES_MAX} choices fit`)
        .refine((choices) => new Set(choices).size === choices.length, "a choice is there twice"),
      default: z.string().nullable().default(null),
    }),
    z.strictObject({
      ...common,
      type: z.literal("number"),
      default: z.number("the default must be a number").nullable().default(null),
    }),
    /** Always has a value, and stands as `yes` or `no`. */
    z.strictObject({ ...common, type: z.literal("boolean"), default: z.boolean().default(false) }),
  ])
  .refine(
    (parameter) => parameter.type !== "choice" || parameter.default === null || parameter.choices.includes(parameter.default),
    {
      path: ["default"],
      error: "the default is none of the choices",
    },
  );
export type TaskParameter = z.infer<typeof TaskParameter>;

export const TaskParameters = z
  .array(TaskParameter)
  .max(PARAMETERS_MAX, `a task has at most ${PARAMETERS_MAX} parameters`)
  .superRefine((parameters, ctx) => {
    for (const [index, { name }] of parameters.entries())
      if (parameters.findIndex((other) => other.name === name) < index)
        ctx.addIssue({ code: "custom", path: [index, "name"], message: `there is another parameter '${name}'` });
  });

/** Values as a launch gives them, by name. Text is taken for every type, as it is kept with a run. */
export const ParameterInputs = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()], "must be a text, a number, true or false"),
);
export type ParameterInputs = z.infer<typeof ParameterInputs>;

/** Values as they were put in, by name. */
export const ParameterValues = z.record(z.string(), z.string());
export type ParameterValues = z.infer<typeof ParameterValues>;

export type ReadParameter = { ok: true; text: string } | { ok: false; message: string };

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

const numberText = (given: string): ReadParameter => {
  const text = given.trim().replace(",", ".");
  return NUMBER.test(text) && Number.isFinite(Number(text))
    ? { ok: true, text: String(Number(text)) }
    : { ok: false, message: "must be a number" };
};

/** The default of a parameter as text, as `readParameter` takes it; null: it has none. Pure. */
export const textOfDefault = (parameter: TaskParameter): string | null => {
  const value = parameter.default;
  if (value === null) return null;
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
};

const checkText = (parameter: TaskParameter, text: string): ReadParameter => {
  switch (parameter.type) {
    case "number":
      return numberText(text);
    case "boolean":
      if (text === "true" || text === "yes") return { ok: true, text: "yes" };
      return text === "false" || text === "no" ? { ok: true, text: "no" } : { ok: false, message: "must be yes or no" };
    case "choice":
      return parameter.choices.includes(text)
        ? { ok: true, text }
        : { ok: false, message: `must be one of ${parameter.choices.map((choice) => `'${choice}'`).join(", ")}` };
    case "text":
    case "multiline": {
      const parsed = (parameter.type === "text" ? oneLine : someLines)("the value").safeParse(text);
      return parsed.success ? { ok: true, text } : { ok: false, message: parsed.error.issues[0]?.message ?? "cannot be used" };
    }
  }
};

/** What stands for a parameter when a launch gives this; its default when it gives nothing. Pure. */
export const readParameter = (parameter: TaskParameter, given: ParameterInputs[string] | undefined): ReadParameter => {
  const text = given === undefined ? textOfDefault(parameter) : String(given);
  if (text === null || text.trim() === "")
    return parameter.required ? { ok: false, message: "is missing: give a value" } : { ok: true, text: text ?? "" };
  return checkText(parameter, text);
};

export type ParameterProblem = { name: string; message: string };

/** The values of all parameters, or what is wrong with them, unknown ones included. Pure. */
export const readParameters = (
  parameters: readonly TaskParameter[],
  given: ParameterInputs,
): { ok: true; values: ParameterValues } | { ok: false; problems: ParameterProblem[] } => {
  const known = new Set(parameters.map(({ name }) => name));
  const listed = parameters.length === 0 ? "it has none" : `it has ${[...known].join(", ")}`;
  const problems = Object.keys(given)
    .filter((name) => !known.has(name))
    .map((name) => ({ name, message: `the task has no parameter of this name; ${listed}` }));
  const values = new Map<string, string>();
  for (const parameter of parameters) {
    const { name } = parameter;
    const read = readParameter(parameter, Object.hasOwn(given, name) ? given[name] : undefined);
    if (read.ok) values.set(name, read.text);
    else problems.push({ name, message: read.message });
  }
  return problems.length === 0 ? { ok: true, values: Object.fromEntries(values) } : { ok: false, problems };
};
