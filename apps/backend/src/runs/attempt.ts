import { parseChecks, type Run, type RunnerBody } from "@ccr/protocol";
import type { Ending, Progress, StepPhase } from "../store/progress-types.ts";

/**
 * What came of one attempt at a step. `checked`: the snapshot on which its checks passed; null when it has none. `feedback`: what the agent is
 * told when it may try again; null when it could do nothing about it.
 */
export type Came = { passed: true; checked: string | null } | { passed: false; end: Ending; feedback: string | null };

/** What is written about the end of an attempt, and from where the run goes on; both are to be stored in one commit. */
export type Concluded = { bodies: RunnerBody[]; progress: Progress };

/** Whether a step has checks at all. Pure. */
export const hasChecks = (checks: string): boolean => {
  const { commands, prose } = parseChecks(checks);
  return commands.length > 0 || prose !== "";
};

const INTERPRETERS = /^(?:ba|da|z|k)?sh$|^(?:node|python[\d.]*|ruby|perl|php|deno|bun|tsx|source|\.)$/;
/** What these run is not named, and stands in a file. */
const RUN_BY = new Map([
  ["npm", "package.json"],
  ["npx", "package.json"],
  ["pnpm", "package.json"],
  ["yarn", "package.json"],
  ["make", "Makefile"],
]);

/** The scripts of the repository that commands run: what stands where a program does, behind an interpreter, or in a runner's file. Pure. */
export const scriptsOf = (commands: readonly string[]): string[] =>
  commands
    .flatMap((command) => command.split(/[;&|()`\n]+|\$\(/))
    .flatMap((part) => {
      const words = part.split(/[\s'"<>]+/).filter((word) => word !== "" && !/^[A-Za-z_]\w*=/.test(word));
      const [program = "", ...rest] = words;
      const script = INTERPRETERS.test(program) ? rest.find((word) => !word.startsWith("-")) : program;
      return [script, RUN_BY.get(program)].flatMap((path) =>
        path === undefined || path === "" ? [] : [path.replace(/^\.\//, "")],
      );
    });

/** Some names for a sentence. Pure. */
export const listed = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");

/** Where a step begins, or begins anew with what came of its checks. */
export const agentPhase = (sinceMs: number, feedback?: string): Extract<StepPhase, { kind: "agent" }> => ({
  kind: "agent",
  resumed: 0,
  deaths: 0,
  sinceMs,
  ...(feedback === undefined ? {} : { feedback }),
  outcome: null,
});

/** How a step goes on after an attempt: it has passed, or the agent is told what failed, or it is over. Pure. */
export const conclude = (
  { steps, limits }: Pick<Run, "steps" | "limits">,
  { progress, came, activeMs }: { progress: Progress; came: Came; activeMs: number },
): Concluded => {
  const { stepIndex, attempt } = progress;
  const finished = { type: "step_finished", stepIndex, attempt, passed: came.passed } as const;
  if (came.passed) {
    const phase = { kind: "ended" as const, end: null, ...(came.checked === null ? {} : { checked: came.checked }) };
    return { bodies: [finished], progress: { ...progress, phase } };
  }
  if (came.feedback !== null && attempt < limits.maxAttempts + (progress.granted ?? 0)) {
    const next = { stepIndex, attempt: attempt + 1 };
    return {
      bodies: [finished, { type: "step_started", ...next, instructions: came.feedback }],
      progress: { ...progress, ...next, phase: agentPhase(activeMs, came.feedback) },
    };
  }
  const where = steps.length > 1 ? `Step ${stepIndex + 1} of ${steps.length}: ` : "";
  const tries = attempt > 1 ? ` These were ${attempt} attempts.` : "";
  const end = { ...came.end, sentence: `${where}${came.end.sentence}${tries}` };
  return { bodies: [finished], progress: { ...progress, phase: { kind: "ended", end } } };
};

// Enough for a compiler's errors or the end of a test's report, and little beside what the agent reads itself.
const OUTPUT_MAX_CHARACTERS = 16_000;

/** The beginning and the end of a text that is too long. Pure. */
export const shortened = (text: string, most: number): string => {
  if (text.length <= most) return text;
  const [head, tail] = [Math.floor(most / 4), Math.ceil((most * 3) / 4)];
  const left = text.length - head - tail;
  return `${text.slice(0, head)}\n[… ${left.toLocaleString("en")} characters are left out …]\n${text.slice(-tail)}`;
};

const ADVICE =
  "Change what is needed so that it passes. Do not weaken the check, and do not rely on files that git ignores or on anything outside of the repository: the checks run on a clean checkout of your work.";

/** What the agent is told about a command that failed. Pure. */
export const commandFeedback = ({ command, how, output }: { command: string; how: string; output: string }): string =>
  [
    `Your work was checked, and a check did not pass. ${how}`,
    `$ ${command}`,
    output.trim() === "" ? "It printed nothing." : `It printed:\n\n${shortened(output.trimEnd(), OUTPUT_MAX_CHARACTERS)}`,
    ADVICE,
  ].join("\n\n");

/** What the agent is told about a judge who is not content. Pure. */
export const verdictFeedback = ({ prose, evidence }: { prose: string; evidence: string }): string =>
  [
    "Your work was judged by somebody else, by this:",
    prose,
    `It does not hold yet:\n\n${shortened(evidence, OUTPUT_MAX_CHARACTERS)}`,
    ADVICE,
  ].join("\n\n");
