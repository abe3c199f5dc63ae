/** Reads an amount like "12.50" or "-820" as a whole number of cents. */
export const parseAmount = (text) => {
  const match = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text);
  if (match === null) throw new RangeError(`"${text}" is not an amount`);
  const [, sign, whole, fraction = "0"] = match;
  const cents = Number(whole) * 100 + Number(fraction);
  return sign === "-" ? -cents : cents;
};

/** Writes cents as people read them: 123450 is "1,234.50". */
export const formatAmount = (cents) => {
  const digits = String(Math.abs(cents)).padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${cents < 0 ? "-" : ""}${whole}.${digits.slice(-2)}`;
};
