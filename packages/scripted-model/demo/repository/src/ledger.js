import { parseAmount } from "./money.js";

const LINE = /^(\d{4}-\d{2}-\d{2})\s+(.+?)\s+(-?[\d.]+)$/;

/** Reads a ledger: one entry a line; empty lines and comments are skipped. */
export const parseLedger = (text) =>
  text.split("\n").flatMap((line, index) => {
    const entry = line.replace(/#.*/, "").trim();
    if (entry === "") return [];
    const match = LINE.exec(entry);
    if (match === null) throw new SyntaxError(`line ${index + 1} is not an entry: ${entry}`);
    const [, day, what, amount] = match;
    return [{ day, what, cents: parseAmount(amount) }];
  });

/** What is left after all entries, in cents. */
export const balance = (entries) => entries.reduce((sum, { cents }) => sum + cents, 0);
