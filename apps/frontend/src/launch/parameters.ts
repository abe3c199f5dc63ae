import { type ParameterInputs, readParameter, type Task, type TaskParameter, textOfDefault } from "@ccr/protocol";

/** What stands in the field of a parameter: what was typed, or else its default. Pure. */
export const shownValue = (parameter: TaskParameter, typed: Readonly<Record<string, string>>): string =>
  (Object.hasOwn(typed, parameter.name) ? typed[parameter.name] : textOfDefault(parameter)) ?? "";

/** What is typed for these parameters, as a launch gives it, or what is wrong, by field: `parameters.version`. Pure. */
export const valuesOf = (
  parameters: readonly TaskParameter[],
  typed: Readonly<Record<string, string>>,
): { ok: true; values: ParameterInputs } | { ok: false; problems: ReadonlyMap<string, string> } => {
  const values: [string, string][] = [];
  const problems = new Map<string, string>();
  for (const parameter of parameters) {
    const read = readParameter(parameter, shownValue(parameter, typed));
    if (read.ok) values.push([parameter.name, read.text]);
    else problems.set(`parameters.${parameter.name}`, read.message);
  }
  return problems.size === 0 ? { ok: true, values: Object.fromEntries(values) } : { ok: false, problems };
};

/** What a launch of these tasks is asked for: of several with the same name, the first one. Pure. */
export const parametersOf = (tasks: readonly Pick<Task, "parameters">[]): TaskParameter[] => {
  const byName = new Map<string, TaskParameter>();
  for (const { parameters } of tasks)
    for (const parameter of parameters) if (!byName.has(parameter.name)) byName.set(parameter.name, parameter);
  return [...byName.values()];
};
