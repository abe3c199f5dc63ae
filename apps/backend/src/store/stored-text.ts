// PostgreSQL keeps no NUL in a text, and SQLite ends one at it in some of its functions. In JSON it is escaped, and so comes back as it was.
const NUL = "\0";

/** A value as every engine can keep it: in text, each NUL is the sign for a character that cannot be shown. */
export const storable = <Value>(value: Value): Value | string =>
  typeof value === "string" && value.includes(NUL) ? value.replaceAll(NUL, "\ufffd") : value;
