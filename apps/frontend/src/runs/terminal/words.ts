import type { Run, Shell, ShellOutcome } from "@ccr/protocol";
import { isFinal } from "@ccr/protocol";

/** What became of a shell, in a few words. */
export const outcomeWords = (outcome: ShellOutcome): string => {
  switch (outcome.kind) {
    case "exited":
      return outcome.exitCode === 0 ? "ended" : `ended with exit code ${outcome.exitCode}`;
    case "killed":
      return `ended by ${outcome.signal}`;
    case "closed":
      return "closed";
    case "sandbox_ended":
      return "ended with its sandbox";
  }
};

/** Whether a run's sandbox is there to open a shell in: not yet, now, or not any more. */
export const sandboxPhase = ({ status }: Pick<Run, "status">): "before" | "now" | "over" => {
  if (isFinal(status)) return "over";
  return status === "queued" || status === "starting" ? "before" : "now";
};

/** Shells as they are shown: those that a person closed are not, and each has its number among those that were ever there. */
export const namedShells = (
  shells: readonly Shell[],
  { numbers, dismissed }: { numbers: Map<string, number>; dismissed: ReadonlySet<string> },
): { shell: Shell; name: string }[] => {
  for (const { id } of shells) if (!numbers.has(id)) numbers.set(id, numbers.size + 1);
  return shells
    .filter(({ id, outcome }) => !dismissed.has(id) && outcome?.kind !== "closed")
    .map((shell) => ({ shell, name: `Shell ${numbers.get(shell.id)}` }));
};
