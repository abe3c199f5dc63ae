/**
 * The number that a person has typed, with a point or a comma before its fraction; NaN when it is none. Commas between thousands are taken as such
 * where they can be nothing else: `1,000` alone is a thousand to some and one to others, and is no number. Pure.
 */
export const numberOf = (typed: string): number => {
  const text = typed.trim();
  if (text === "" || isAmbiguous(text)) return Number.NaN;
  const isGrouped = /^[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(text);
  return Number(isGrouped ? text.replaceAll(",", "") : text.replace(",", "."));
};

/** Whether a comma may stand before a fraction as well as between thousands. Pure. */
export const isAmbiguous = (typed: string): boolean => /^[1-9]\d{0,2},\d{3}$/.test(typed.trim());
