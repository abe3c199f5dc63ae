import type { Entry } from "./entry.ts";
import { isTrouble } from "./trouble.ts";

const EDITS: ReadonlySet<string> = new Set(["Edit", "MultiEdit", "Write", "NotebookEdit"]);

const isSaid = ({ kind }: Entry): boolean => kind === "text" || kind === "prompt" || kind === "step";
const isCommand = (entry: Entry): boolean =>
  entry.kind === "check" || entry.kind === "step" || (entry.kind === "tool" && entry.name === "Bash");
const isEdit = (entry: Entry): boolean => entry.kind === "step" || (entry.kind === "tool" && EDITS.has(entry.name));

/** Which entries a person wants to see; steps stay among those that they are about. */
export const CHOICES = {
  all: { label: "All", only: null },
  said: { label: "Said", only: isSaid },
  commands: { label: "Commands", only: isCommand },
  edits: { label: "Edits", only: isEdit },
  errors: { label: "Errors", only: isTrouble },
} as const satisfies Record<string, { label: string; only: ((entry: Entry) => boolean) | null }>;
export type Choice = keyof typeof CHOICES;
export const CHOICE_NAMES = ["all", "said", "commands", "edits", "errors"] as const satisfies readonly Choice[];
