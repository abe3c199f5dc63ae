/** What the agent sent is outside data: these read it without trusting its shape. */
export type JsonRecord = { readonly [key: string]: unknown };

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The record, or an empty one when it is something else. */
export const recordOf = (value: unknown): JsonRecord => (isRecord(value) ? value : {});

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The text, or null when it is something else. */
export const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** The finite number, or null when it is something else. */
export const numberOf = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
