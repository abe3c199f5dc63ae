import type { TaskContent, TaskField } from "@ccr/protocol";
import { NETWORK_WORDS } from "../environments/network-words.ts";
import { LIMIT_FIELDS } from "../launch/limits.ts";

/* A task as one text, so that its versions can be compared line by line. */

const block = (heading: string, text: string): string[] => {
  const indent = `${/^ */.exec(heading)?.[0] ?? ""}  `;
  return text === "" ? [] : [heading, ...text.split("\n").map((line) => `${indent}${line}`)];
};

const parameterLines = ({ parameters }: Pick<TaskContent, "parameters">): string[] =>
  parameters.flatMap((parameter) => [
    `Parameter {{${parameter.name}}}: ${parameter.type}, ${parameter.required ? "required" : "may be left out"}`,
    ...(parameter.label === "" ? [] : [`  asked for as: ${parameter.label}`]),
    ...(parameter.description === "" ? [] : parameter.description.split("\n").map((line) => `  explained: ${line}`)),
    ...(parameter.type === "choice" ? parameter.choices.map((choice) => `  choice: ${choice}`) : []),
    ...(parameter.default === null
      ? []
      : String(parameter.default)
          .split("\n")
          .map((line) => `  default: ${line}`)),
  ]);

/** Only what is set, so that a field that a later version of the program knows is no difference. */
const deliveryLines = ({ delivery }: Pick<TaskContent, "delivery">): string[] => {
  if (delivery === null) return ["Result: kept here"];
  const parts = Object.entries(delivery).filter(
    ([, value]) => value !== null && value !== false && !(Array.isArray(value) && value.length === 0),
  );
  return parts.map(([key, value]) => `Result ${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
};

const defaultLines = ({ defaults }: Pick<TaskContent, "defaults">): string[] => {
  const { repository, ref, model, limits, network } = defaults;
  return [
    ...(repository === null ? [] : [`Usual repository: ${repository}`]),
    ...(ref === null ? [] : [`Usual branch, tag or commit: ${ref}`]),
    ...(model === null ? [] : [`Usual model: ${model}`]),
    ...(network === null ? [] : [`Usual network: ${NETWORK_WORDS[network].toLowerCase()}`]),
    ...LIMIT_FIELDS.flatMap(({ key, label, unit, factor }) => {
      const value = limits[key];
      if (value === undefined) return [];
      return [`${label}: ${value === null ? "no limit" : `${value / factor} ${unit}`.trim()}`];
    }),
  ];
};

/** A version of a task as lines. `environment` is the name of its environment; null: it has none. Pure. */
export const textOfTask = (content: TaskContent, environment: string | null): string =>
  [
    `Name: ${content.name}`,
    ...content.steps.flatMap(({ instructions, checks }, index) => [
      "",
      ...block(`Step ${index + 1}`, instructions),
      ...block("  Checks", checks),
    ]),
    "",
    ...parameterLines(content),
    `Environment: ${environment ?? "that of the repository"}`,
    `A run that changes no file may pass: ${content.allowNoChanges ? "yes" : "no"}`,
    ...deliveryLines(content),
    ...defaultLines(content),
    "",
  ].join("\n");

const FIELD_NAMES: Record<TaskField, string> = {
  name: "name",
  steps: "steps",
  allowNoChanges: "whether a run without changes may pass",
  delivery: "result",
  environmentId: "environment",
  parameters: "parameters",
  defaults: "usual repository, model, network and limits",
};

/** What a version changed, in words. Pure. */
export const describeChanged = (changed: readonly TaskField[]): string => {
  const names = changed.map((field) => FIELD_NAMES[field]);
  const last = names.pop();
  if (last === undefined) return "nothing";
  return names.length === 0 ? last : `${names.join(", ")} and ${last}`;
};
