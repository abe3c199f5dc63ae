import type { CreateTaskInput } from "@ccr/protocol";
import type { Random } from "./random.ts";

/** What the agent does in one step, and how the step's checks come out. */
export type StepScript = {
  /** The names of what it adds to the workspace, one after the other. */
  units: string[];
  /** How many messages it says beside each unit. */
  chatter: number;
  ends: "completed" | "agent_error";
  checks: { command: string; passes: boolean; ms: number }[];
};

/** What a task makes of the agent: known to the simulated world alone, the engine sees prompts and commands. */
export type Script = { name: string; steps: StepScript[]; paceMs: number };

const makeStep = (random: Random, name: string, isLong: boolean): StepScript => ({
  units: Array.from({ length: isLong ? random.between(4, 12) : random.between(0, 5) }, (_, unit) => `${name}-u${unit}`),
  chatter: random.between(0, 2),
  ends: random.chance(0.05) ? "agent_error" : "completed",
  checks: Array.from({ length: random.pick([0, 0, 1, 1, 2, 3]) }, (_, check) => ({
    command: `check ${name}-c${check}`,
    passes: !random.chance(0.04),
    ms: random.between(5, 6000),
  })),
});

/** One that is long has an agent at work for a minute or more. */
export const makeScript = (random: Random, name: string, { isLong }: { isLong: boolean }): Script => ({
  name,
  steps: Array.from({ length: random.pick([1, 1, 2, 2, 3]) }, (_, step) => makeStep(random, `${name}-s${step}`, isLong)),
  paceMs: isLong ? random.pick([4000, 9000]) : random.pick([50, 300, 1000, 4000, 9000]),
});

/** The task that a person would write for it. */
export const taskOf = ({ name, steps }: Script): CreateTaskInput => ({
  name,
  allowNoChanges: true,
  steps: steps.map(({ checks }, step) => ({
    instructions: `Do ${name}-s${step}.`,
    checks: checks.map(({ command }) => `$ ${command}`).join("\n"),
  })),
});

/** The step that a prompt asks for. */
export const stepOfPrompt = (scripts: readonly Script[], prompt: string): { script: Script; step: StepScript } => {
  const [, name, index] = /Do (\S+)-s(\d+)\./.exec(prompt) ?? [];
  const script = scripts.find((each) => each.name === name);
  const step = script?.steps[Number(index)];
  if (script === undefined || step === undefined) throw new Error(`nobody wrote this prompt: ${prompt}`);
  return { script, step };
};

/** What a run of the script must come to when nobody cancels it and all its misfortunes can be survived. */
export const expectedReason = ({ steps }: Script): "passed" | "passed_no_changes" | "agent_error" | "check_failed" => {
  for (const { ends, checks } of steps) {
    if (ends === "agent_error") return "agent_error";
    if (checks.some(({ passes }) => !passes)) return "check_failed";
  }
  return steps.some(({ units }) => units.length > 0) ? "passed" : "passed_no_changes";
};

/** All units that the workspace must hold in the end, in order; a step that fails is the last that is worked on. */
export const expectedUnits = ({ steps }: Script): string[] => {
  const units: string[] = [];
  for (const { units: made, ends, checks } of steps) {
    units.push(...made);
    if (ends === "agent_error" || checks.some(({ passes }) => !passes)) break;
  }
  return units;
};
