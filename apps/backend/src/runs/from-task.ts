import {
  CcrError,
  type CreateRunInput,
  fillSteps,
  limitsFrom,
  type ParameterInputs,
  parseRepository,
  type RunLimits,
  readParameters,
  repositoryKey,
  type Task,
} from "@ccr/protocol";
import type { NewRun } from "../store/types.ts";

/* What a run takes from its task: the steps, with what stands for its parameters put in, and what the launch does not say. */

const FIELDS = { instructions: "the instructions", checks: "the checks" } as const;

/** The steps of a run with the values put in. Throws `CcrError` with `bad_request` that names every parameter that is wrong. Pure. */
export const stepsOfRun = (task: Task, given: ParameterInputs = {}): Pick<NewRun, "task" | "taskVersion" | "parameters"> => {
  const read = readParameters(task.parameters, given);
  if (!read.ok) {
    const problems = read.problems.map(({ name, message }) => `parameters.${name}: ${message}`);
    throw new CcrError("bad_request", `${problems.join("; ")}.`);
  }
  const filled = fillSteps(task.steps, read.values);
  if (!filled.ok) {
    const problems = filled.problems.map(
      ({ path: [index, field], message }) => `${FIELDS[field]} of step ${index + 1}: ${message}`,
    );
    throw new CcrError("bad_request", `parameters: with these values, ${problems.join("; ")}.`);
  }
  return { task: { ...task, steps: filled.steps }, taskVersion: task.version, parameters: read.values };
};

const isSame = (one: string, other: string): boolean => {
  const [first, second] = [parseRepository(one), parseRepository(other)];
  return first.ok && second.ok && repositoryKey(first.address) === repositoryKey(second.address);
};

/** The ref to start from, where the launch names none: that of the task, which goes with its repository when it has one. Pure. */
export const refOf = (
  { defaults }: Pick<Task, "defaults">,
  { repository, ref }: { repository: string; ref?: string | undefined },
) => {
  if (ref !== undefined || defaults.ref === null) return ref;
  return defaults.repository === null || isSame(defaults.repository, repository) ? defaults.ref : undefined;
};

/** What the launch says, with what the task says in the place of what it leaves out. Throws `CcrError` when neither names a repository. Pure. */
export const withDefaults = (
  task: Task,
  input: CreateRunInput,
): Omit<CreateRunInput, "repository" | "limits" | "model"> & { repository: string; model: string | null; limits: RunLimits } => {
  const repository = input.repository ?? task.defaults.repository;
  if (repository === null)
    throw new CcrError("bad_request", "repository: is missing, and the task has none: give owner/name, a URL or a local path.");
  return {
    ...input,
    repository,
    ref: refOf(task, { repository, ref: input.ref }),
    model: input.model ?? task.defaults.model,
    limits: limitsFrom(task.defaults.limits, input.limits),
  };
};
