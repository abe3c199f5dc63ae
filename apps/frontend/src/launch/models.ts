import type { ComboboxOption } from "../ui/combobox-options.ts";

/** The names that Claude Code itself gives to the newest model of each family, the most used first. */
export const MODEL_ALIASES = ["opus", "sonnet", "haiku", "fable"] as const;

/** What can be chosen for a model: what runs had, the last first, and then Claude Code's own names. Pure. */
export const modelOptions = (runs: readonly { model: string | null }[]): readonly ComboboxOption[] => {
  const used = new Set(runs.flatMap(({ model }) => model ?? []));
  const aliases = MODEL_ALIASES.filter((alias) => !used.has(alias));
  return [...[...used].map((value) => ({ value, note: "recent" })), ...aliases.map((value) => ({ value, note: "the newest" }))];
};
