/** A choice of a combobox; `note` says in a word what it is. */
export type ComboboxOption = { value: string; note?: string };

/** Lists longer than this are narrowed by typing. */
const SHOWN_MOST = 100;

/**
 * The options to show for what stands in the field: all when nothing was typed since it was opened, else those that hold each word of it, those that
 * begin with it first. Nothing when it is what is chosen already. Pure.
 */
export const matchOptions = (options: readonly ComboboxOption[], text: string, typed: boolean): readonly ComboboxOption[] => {
  if (!typed) return options.slice(0, SHOWN_MOST);
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const fitting = options.filter(({ value }) => words.every((word) => value.toLowerCase().includes(word)));
  if (options.some(({ value }) => value === text.trim())) return [];
  const begins = ({ value }: ComboboxOption): number => (value.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1);
  return fitting.toSorted((one, other) => begins(one) - begins(other)).slice(0, SHOWN_MOST);
};
