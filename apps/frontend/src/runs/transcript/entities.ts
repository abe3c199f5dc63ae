const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  rarr: "→",
  larr: "←",
  times: "×",
  copy: "©",
};
const characterOf = (code: number): string | null => (code > 31 && code <= 0x10_ffff ? String.fromCodePoint(code) : null);
/** A text with the characters that its entities stand for; those that are not known stay as they are. */
export const decodeEntities = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (entity, decimal, hex, name) => {
    if (decimal !== undefined) return characterOf(Number(decimal)) ?? entity;
    if (hex !== undefined) return characterOf(Number.parseInt(hex, 16)) ?? entity;
    return ENTITIES[name] ?? entity;
  });
