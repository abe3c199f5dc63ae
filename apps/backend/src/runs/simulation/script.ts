import { type CreateTaskInput, DeliverySettings } from "@ccr/protocol";
import type { Random } from "./random.ts";

/** `needs`: what the work must hold, so that it passes; null: how it comes out was decided before. */
export type CheckScript = { command: string; needs: string | null; passes: boolean; ms: number };

/** What a judge finds, and whether it gives a verdict at all. */
export type JudgeScript = { passes: boolean; saysSo: boolean };

/** What the agent does in one step, and how the step's checks come out. */
export type StepScript = {
  /** The names of what it adds to the workspace, one after the other. */
  units: string[];
  /** What it forgets at first, and adds when a check says so. */
  forgotten: string[];
  /** How many messages it says beside each unit. */
  chatter: number;
  ends: "completed" | "agent_error";
  checks: CheckScript[];
  /** null: nothing is stated in prose. */
  judge: JudgeScript | null;
};

/** What a task makes of the agent: known to the simulated world alone, the engine sees prompts and commands. */
export type Script = { name: string; steps: StepScript[]; paceMs: number; delivers: "branch" | "pull_request" | null };

const makeStep = (random: Random, name: string, isLong: boolean): StepScript => {
  const checks: CheckScript[] = Array.from({ length: random.pick([0, 0, 1, 1, 2, 3]) }, (_, check) => ({
    command: `check ${name}-c${check}`,
    needs: null,
    passes: !random.chance(0.04),
    ms: random.between(5, 6000),
  }));
  const forgotten = random.chance(0.2) ? [`${name}-f`] : [];
  for (const needs of forgotten) checks.push({ command: `check ${name}-has`, needs, passes: true, ms: random.between(5, 2000) });
  return {
    units: Array.from({ length: isLong ? random.between(4, 12) : random.between(0, 5) }, (_, unit) => `${name}-u${unit}`),
    forgotten,
    chatter: random.between(0, 2),
    ends: random.chance(0.05) ? "agent_error" : "completed",
    checks,
    judge: random.chance(0.25) ? { passes: !random.chance(0.1), saysSo: !random.chance(0.1) } : null,
  };
};

/** One that is long has an agent at work for a minute or more. */
export const makeScript = (random: Random, name: string, { isLong }: { isLong: boolean }): Script => ({
  name,
  steps: Array.from({ length: random.pick([1, 1, 2, 2, 3]) }, (_, step) => makeStep(random, `${name}-s${step}`, isLong)),
  paceMs: isLong ? random.pick([4000, 9000]) : random.pick([50, 300, 1000, 4000, 9000]),
  delivers: random.pick([null, "branch", "pull_request"]),
});

/** The task that a person would write for it. */
export const taskOf = ({ name, steps, delivers }: Script): CreateTaskInput => ({
  name,
  delivery: delivers === null ? null : DeliverySettings.parse({ to: delivers }),
  allowNoChanges: true,
  steps: steps.map(({ checks, judge }, step) => ({
    instructions: `Do ${name}-s${step}.`,
    checks: [
      ...checks.map(({ command }) => `$ ${command}`),
      ...(judge === null ? [] : [`It reads as ${name}-s${step} should.`]),
    ].join("\n"),
  })),
});

const stepNamed = (scripts: readonly Script[], named: RegExpExecArray | null): { script: Script; step: StepScript } | null => {
  const [, name, index] = named ?? [];
  const script = scripts.find((each) => each.name === name);
  const step = script?.steps[Number(index)];
  return script === undefined || step === undefined ? null : { script, step };
};

const SAID = /Say (\S+-w\d+)\./g;

/** What a person says to a run, which adds this to its work. */
export const saidText = (unit: string): string => `Say ${unit}.`;

/** Whether a unit is one that a person asked for while it was worked on. */
export const isSaid = (unit: string): boolean => /-w\d+$/.test(unit);

/**
 * What an agent does that is given a prompt: the step that it asks for, or what it was asked for before, when people only say something; and what they
 * say, first.
 */
export const workOfPrompt = (
  scripts: readonly Script[],
  prompt: string,
  before: { script: Script; step: StepScript } | null,
): { script: Script; step: StepScript } => {
  const said = [...prompt.matchAll(SAID)].flatMap(([, unit]) => unit ?? []);
  const goesOn = said.length > 0 || prompt.includes("Go on with what you were asked to do.");
  const asked = goesOn && before !== null && !/Do \S+-s\d+\./.test(prompt) ? before : stepOfPrompt(scripts, prompt);
  return { script: asked.script, step: { ...asked.step, units: [...new Set([...said, ...asked.step.units])] } };
};

/** The step that a prompt asks for, and what of it: one that tells of a check that failed brings what was forgotten. */
const stepOfPrompt = (scripts: readonly Script[], prompt: string): { script: Script; step: StepScript } => {
  const asked = stepNamed(scripts, /Do (\S+)-s(\d+)\./.exec(prompt));
  if (asked !== null) return asked;
  const told = stepNamed(scripts, /(?:\$ check |It reads as )(\S+?)-s(\d+)/.exec(prompt));
  if (told === null) throw new Error(`nobody wrote this prompt: ${prompt}`);
  const { script, step } = told;
  return { script, step: { ...step, units: [...step.units, ...step.forgotten] } };
};

/** What the judge finds that is asked by a prompt. */
export const judgeOfPrompt = (scripts: readonly Script[], prompt: string): JudgeScript => {
  const judge = stepNamed(scripts, /It reads as (\S+)-s(\d+) should/.exec(prompt))?.step.judge ?? null;
  if (judge === null) throw new Error(`nobody asked for a judge: ${prompt}`);
  return judge;
};

/** How the checks of a step come out at its last attempt. */
const checksOf = ({ checks, judge }: StepScript): "passed" | "check_failed" | "check_broken" => {
  if (checks.some(({ passes }) => !passes)) return "check_failed";
  if (judge === null) return "passed";
  if (!judge.saysSo) return "check_broken";
  return judge.passes ? "passed" : "check_failed";
};

type Expected = "passed" | "passed_no_changes" | "agent_error" | "check_failed" | "check_broken";

/** What a run of the script must come to when nobody cancels it and all its misfortunes can be survived. */
export const expectedReason = ({ steps }: Script): Expected => {
  for (const step of steps) {
    if (step.ends === "agent_error") return "agent_error";
    const checked = checksOf(step);
    if (checked !== "passed") return checked;
  }
  return steps.some(({ units, forgotten }) => units.length + forgotten.length > 0) ? "passed" : "passed_no_changes";
};

/** All units that the workspace must hold in the end, in order; a step that fails is the last that is worked on. */
export const expectedUnits = ({ steps }: Script): string[] => {
  const units: string[] = [];
  for (const step of steps) {
    units.push(...step.units, ...step.forgotten);
    if (step.ends === "agent_error" || checksOf(step) !== "passed") break;
  }
  return units;
};
