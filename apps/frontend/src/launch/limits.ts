import { RunLimits } from "@ccr/protocol";

export type LimitField = {
  key: keyof RunLimits;
  label: string;
  /** Empty where the label says it. */
  unit: string;
  /** How many of the protocol's units one of the shown units is. */
  factor: number;
};

export const LIMIT_FIELDS: readonly LimitField[] = [
  { key: "timeSeconds", label: "Time for the whole run", unit: "minutes", factor: 60 },
  { key: "budgetUsd", label: "Money for the model", unit: "US dollars", factor: 1 },
  { key: "turns", label: "Turns of one step", unit: "", factor: 1 },
  { key: "stallSeconds", label: "Silence before it counts as stalled", unit: "minutes", factor: 60 },
  { key: "checkSeconds", label: "Time for one check", unit: "minutes", factor: 60 },
  { key: "memoryMb", label: "Memory", unit: "MiB", factor: 1 },
  { key: "cpus", label: "Processors", unit: "", factor: 1 },
  { key: "processes", label: "Processes", unit: "", factor: 1 },
  { key: "diskMb", label: "Disk", unit: "MiB", factor: 1 },
];

const defaults = RunLimits.parse({});

/** What a limit is when its field is left empty, in the unit that is shown. */
export const defaultLimit = ({ key, factor }: LimitField): string => {
  const value = defaults[key];
  return value === null ? "no limit" : String(value / factor);
};

/** What was typed into the fields, in the protocol's units; empty fields are left out, and what is no number becomes NaN. */
export const limitsFromText = (typed: Readonly<Record<string, string>>): Record<string, number> => {
  const limits: Record<string, number> = {};
  for (const { key, factor } of LIMIT_FIELDS) {
    const text = (typed[key] ?? "").trim().replace(",", ".");
    if (text !== "") limits[key] = Math.round(Number(text) * factor * 1000) / 1000;
  }
  return limits;
};
