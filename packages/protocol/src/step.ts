import { z } from "zod";

/** The longest instructions or checks of one step, in UTF-16 code units. A prompt beyond this does not fit any model's context; material of that size belongs into the repository. */
export const STEP_TEXT_MAX = 256 * 1024;

const stepText = (what: string) =>
  z.string().max(STEP_TEXT_MAX, {
    error: (issue) =>
      `${what} are ${typeof issue.input === "string" ? issue.input.length.toLocaleString("en") : "too many"} characters long; at most ${STEP_TEXT_MAX.toLocaleString("en")} fit. Put long material into a file of the repository and name it here.`,
  });

/** The longest command of a check, in bytes: the kernel takes 128 KiB as one argument, and some of it is needed around the command. */
export const CHECK_COMMAND_MAX_BYTES = 64 * 1024;

/** The command of a line of `checks`; null: it is prose. */
export const commandOf = (line: string): string | null => {
  const command = /^\$ (.*)$/.exec(line)?.[1]?.trim();
  return command === undefined || command === "" ? null : command;
};

/** The lines of `checks`, told apart: commands in order, and the prose around them (empty when there is none). */
export const parseChecks = (checks: string): { commands: string[]; prose: string } => {
  const commands: string[] = [];
  const prose: string[] = [];
  for (const line of checks.split(/\r?\n/)) {
    const command = commandOf(line);
    if (command === null) prose.push(line);
    else commands.push(command);
  }
  return { commands, prose: prose.join("\n").trim() };
};

/** What Claude Code is to do, and how we know that it did. */
export const Step = z.object({
  instructions: stepText("the instructions").refine(
    (text) => text.trim() !== "",
    "the instructions are empty: say what Claude Code is to do",
  ),
  /** A line that starts with `$ ` is a command whose exit code decides; any other text is prose for a judge. Empty: the agent's turn ending without error is enough. */
  checks: stepText("the checks")
    .default("")
    .refine(
      (checks) =>
        parseChecks(checks).commands.every((command) => new TextEncoder().encode(command).length <= CHECK_COMMAND_MAX_BYTES),
      {
        error: `a command of the checks is longer than ${CHECK_COMMAND_MAX_BYTES / 1024} KiB; put it into a script of the repository and name that`,
      },
    ),
});
export type Step = z.infer<typeof Step>;
