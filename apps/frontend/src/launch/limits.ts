import { type GivenLimits, RUN_LIMIT_BOUNDS, RunLimits } from "@ccr/protocol";
import { plural } from "../ui/format.ts";
import { numberOf } from "../ui/number-of.ts";

export type LimitField = {
  key: keyof RunLimits;
  label: string;
  /** Empty where the label says it. */
  unit: string;
  /** How many of the protocol's units one of the shown units is. */
  factor: number;
  /** Parts of the protocol's unit have a meaning. */
  fractions?: true;
};

export const LIMIT_FIELDS: readonly LimitField[] = [
  { key: "timeSeconds", label: "Time for the whole run", unit: "minutes", factor: 60 },
  { key: "stepSeconds", label: "Time for one step", unit: "minutes", factor: 60 },
  { key: "budgetUsd", label: "Money for the model", unit: "US dollars", factor: 1, fractions: true },
  { key: "turns", label: "Turns of one step", unit: "", factor: 1 },
  { key: "maxAttempts", label: "Attempts per step", unit: "", factor: 1 },
  { key: "stallSeconds", label: "Silence before it counts as stalled", unit: "minutes", factor: 60 },
  { key: "answerSeconds", label: "Waiting for an answer", unit: "minutes", factor: 60 },
  { key: "checkSeconds", label: "Time for one check", unit: "minutes", factor: 60 },
  { key: "memoryMb", label: "Memory", unit: "MiB", factor: 1 },
  { key: "cpus", label: "Processors", unit: "", factor: 1, fractions: true },
  { key: "processes", label: "Processes", unit: "", factor: 1 },
  { key: "diskMb", label: "Disk", unit: "MiB", factor: 1 },
];

const defaults = RunLimits.parse({});
/** What is typed, and shown, where a limit may be none. */
const NO_LIMIT = "no limit";
const shownNumber = (value: number, factor: number): string => String(Number((value / factor).toFixed(4)));

/** What a limit is when its field is left empty, in the unit that is shown: that of the task, or else the usual one. */
export const defaultLimit = ({ key, factor }: LimitField, given: GivenLimits = {}): string => {
  const value = given[key] === undefined ? defaults[key] : given[key];
  return value === null ? NO_LIMIT : shownNumber(value, factor);
};

/** A number of the protocol's unit, in the shown unit; what would be a fraction of a minute is said in seconds. */
const describeBound = (value: number, { factor, unit }: LimitField, withUnit: boolean): string => {
  if (factor === 60 && value < factor) return plural(value, "second");
  const shown = (value / factor).toLocaleString("en");
  return withUnit && unit !== "" ? `${shown} ${unit}` : shown;
};

/** What is wrong with a limit that the protocol does not take, in the unit that is shown. */
const limitProblem = (field: LimitField, value: number): string => {
  const { least, most } = RUN_LIMIT_BOUNDS[field.key];
  if (Number.isNaN(value)) return "give a number";
  const inside = value >= least && value <= most;
  if (inside && field.fractions !== true) return "a whole number";
  if (least === 0) return `more than 0, and at most ${describeBound(most, field, true)}`;
  return `between ${describeBound(least, field, false)} and ${describeBound(most, field, true)}`;
};

/** What is wrong with the limit of that name among those that were typed; null when there is no field for it. */
export const describeLimitProblem = (key: string, limits: Readonly<Record<string, number | null>>): string | null => {
  const field = LIMIT_FIELDS.find((known) => known.key === key);
  return field === undefined ? null : limitProblem(field, limits[key] ?? Number.NaN);
};

/** What was typed into the fields, in the protocol's units; empty fields are left out, `no limit` is null, and what is no number becomes NaN. */
export const limitsFromText = (typed: Readonly<Record<string, string>>): Record<string, number | null> => {
  const limits: Record<string, number | null> = {};
  for (const { key, factor } of LIMIT_FIELDS) {
    const text = (typed[key] ?? "").trim();
    // A part of a minute is a whole number of seconds.
    if (text.toLowerCase() === NO_LIMIT) limits[key] = null;
    else if (text !== "") limits[key] = factor === 1 ? numberOf(text) : Math.round(numberOf(text) * factor);
  }
  return limits;
};

/** What to type for these limits, where the task has some of its own; those that come by themselves are left out. */
export const textFromLimits = (limits: RunLimits, given: GivenLimits = {}): Record<string, string> => {
  const typed: Record<string, string> = {};
  for (const { key, factor } of LIMIT_FIELDS) {
    const value = limits[key];
    const own = given[key] === undefined ? defaults[key] : given[key];
    if (value !== own) typed[key] = value === null ? NO_LIMIT : shownNumber(value, factor);
  }
  return typed;
};

/** What to type for the limits of a task. */
export const textFromGiven = (limits: GivenLimits): Record<string, string> =>
  Object.fromEntries(
    LIMIT_FIELDS.flatMap(({ key, factor }) => {
      const value = limits[key];
      return value === undefined ? [] : [[key, value === null ? NO_LIMIT : shownNumber(value, factor)]];
    }),
  );
