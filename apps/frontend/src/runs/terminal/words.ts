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

/** Every shell that this page has seen, by its id, with the number that it has here. */
export type Seen = Map<string, { shell: Shell; number: number }>;

/**
 * Shells as they are shown, in the order in which they were seen: those that a person closed are not, and one that is not told of any more has ended with its
 * sandbox. `seen` is brought up to date.
 */
export const namedShells = (
  shells: readonly Shell[],
  { seen, dismissed }: { seen: Seen; dismissed: ReadonlySet<string> },
): { shell: Shell; name: string }[] => {
  for (const shell of shells) seen.set(shell.id, { shell, number: seen.get(shell.id)?.number ?? seen.size + 1 });
  const told = new Set(shells.map(({ id }) => id));
  return [...seen.values()]
    .map(({ shell, number }) => ({ shell: told.has(shell.id) ? shell : lost(shell), name: `Shell ${number}` }))
    .filter(({ shell: { id, outcome } }) => !dismissed.has(id) && outcome?.kind !== "closed");
};

const lost = (shell: Shell): Shell => ({ ...shell, outcome: shell.outcome ?? { kind: "sandbox_ended" } });
