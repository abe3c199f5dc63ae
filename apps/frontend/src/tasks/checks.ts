import { parseChecks } from "@ccr/protocol";

export type ChecksExplained = {
  commands: readonly string[];
  prose: string;
  /** Lines of prose that were probably meant as commands. */
  almostCommands: readonly string[];
};

/** What the server makes of a step's checks, and which lines may not be what the person meant. */
export const explainChecks = (checks: string): ChecksExplained => {
  const { commands, prose } = parseChecks(checks);
  const almostCommands = prose
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^\$\s*\S/.test(line));
  return { commands, prose, almostCommands };
};
