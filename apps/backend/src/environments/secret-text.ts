import { secretForms } from "../observe/mask.ts";

const HIDDEN = "***";
// A shorter line of a secret of several lines stands in innocent text too; so do the lines around a key.
const LINE_MASKED_FROM = 8;
const ARMOUR = /^-----(BEGIN|END) /;
// In files, only what cannot be there by chance.
const LINE_SOUGHT_FROM = 32;

const linesOf = (secret: string): string[] => {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return lines.length === 1 ? [] : lines.filter((line) => !ARMOUR.test(line));
};

/** What of a secret is looked for in files: itself, its encodings, and the long lines of one that has several. Pure. */
export const soughtForms = (secret: string): string[] => [
  ...new Set([...secretForms(secret), ...linesOf(secret).filter((line) => line.length >= LINE_SOUGHT_FROM && !/\s/.test(line))]),
];

/** Hides secrets in text that comes in pieces, also those that are cut by the end of a piece. */
export const createTextMask = (secrets: readonly string[]) => {
  const forms = [
    ...new Set(
      secrets.flatMap((secret) => [...secretForms(secret), ...linesOf(secret).filter((line) => line.length >= LINE_MASKED_FROM)]),
    ),
  ]
    // The longest first: a secret may hold another one.
    .toSorted((a, b) => b.length - a.length);
  const known = forms.length === 0 ? null : new RegExp(forms.map((form) => RegExp.escape(form)).join("|"), "g");
  const hide = (text: string): string => (known === null ? text : text.replace(known, HIDDEN));
  let held = "";

  /** Where the end of a text begins that may be the beginning of a secret. */
  const safeLength = (text: string): number => {
    let safe = text.length;
    for (const form of forms) {
      const first = form.charAt(0);
      const from = Math.max(0, text.length - form.length + 1);
      for (let at = text.indexOf(first, from); at !== -1 && at < safe; at = text.indexOf(first, at + 1))
        if (form.startsWith(text.slice(at))) safe = at;
    }
    return safe;
  };

  return {
    hide,
    /** The text so far that can be shown. */
    push: (text: string): string => {
      // What is hidden already holds nothing that goes on.
      const all = hide(held + text);
      const safe = safeLength(all);
      held = all.slice(safe);
      return all.slice(0, safe);
    },
    /** The rest. */
    end: (): string => {
      const rest = hide(held);
      held = "";
      return rest;
    },
  };
};
