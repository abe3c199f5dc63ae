/** Where a text stands, from 1. */
export type Place = { line: number; column: number };

/** The line and column of an offset. Pure. */
export const placeAt = (text: string, offset: number): Place => {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf("\n");
  return { line: before.split("\n").length, column: offset - lastBreak };
};

const skipBlanks = (text: string, at: number): number => {
  let next = at;
  while (/[\s,:]/.test(text.charAt(next))) next += 1;
  return next;
};

/** Behind the string that begins here. */
const endOfString = (text: string, at: number): number => {
  let next = at + 1;
  while (next < text.length && text.charAt(next) !== '"') next += text.charAt(next) === "\\" ? 2 : 1;
  return next + 1;
};

/** Behind the value that begins here. */
const endOfValue = (text: string, at: number): number => {
  let depth = 0;
  let next = at;
  while (next < text.length) {
    const character = text.charAt(next);
    if (character === '"') {
      next = endOfString(text, next);
      if (depth === 0) return next;
      continue;
    }
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") {
      if (depth === 0) return next;
      depth -= 1;
      if (depth === 0) return next + 1;
    } else if (depth === 0 && /[\s,]/.test(character)) return next;
    next += 1;
  }
  return next;
};

/** The offset of an object's or a list's member; null: it has none of this name. */
const memberOf = (text: string, at: number, name: PropertyKey): number | null => {
  const isObject = text.charAt(at) === "{";
  if (!isObject && text.charAt(at) !== "[") return null;
  let next = skipBlanks(text, at + 1);
  for (let index = 0; next < text.length && !/[}\]]/.test(text.charAt(next)); index += 1) {
    let key: PropertyKey = index;
    if (isObject) {
      const end = endOfString(text, next);
      key = String(JSON.parse(text.slice(next, end)));
      next = skipBlanks(text, end);
    }
    if (key === name) return next;
    next = skipBlanks(text, endOfValue(text, next));
  }
  return null;
};

/** Where the value at a path stands in a text that is JSON, or else the nearest one around it. Pure. */
export const placeOfPath = (text: string, path: readonly PropertyKey[]): Place => {
  let at = skipBlanks(text, 0);
  for (const name of path) {
    const member = memberOf(text, at, name);
    if (member === null) break;
    at = member;
  }
  return placeAt(text, at);
};
