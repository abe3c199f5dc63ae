/** A JSON schema, as far as the documents of hosts use it. */
export type Schema = { readonly [keyword: string]: unknown };

/** One operation of a host's API. A body or an answer that is null has no schema: it is empty, or no JSON. */
export interface Operation {
  path: Readonly<Record<string, Schema>>;
  query: Readonly<Record<string, Schema>>;
  requiredQuery: readonly string[];
  body: Schema | null;
  /** By status; `2XX` stands for every one of these that is not named. */
  answers: Readonly<Record<string, Schema | null>>;
}

/** What is kept of a host's published description of its API: the operations that we use, and what they refer to. */
export interface HostDocument {
  source: string;
  /** By `METHOD /path/{parameter}`. */
  operations: Readonly<Record<string, Operation>>;
  /** Referred to by `{"$ref": "#/schemas/<name>"}`. */
  schemas: Readonly<Record<string, Schema>>;
}

const REFERENCE = "#/schemas/";

export const referTo = (name: string): Schema => ({ $ref: `${REFERENCE}${name}` });

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The names of the schemas that a value refers to, anywhere in it. */
export const namesIn = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isRecord(value)) return [];
  const own = typeof value.$ref === "string" && value.$ref.startsWith(REFERENCE) ? [value.$ref.slice(REFERENCE.length)] : [];
  return [...own, ...Object.values(value).flatMap(namesIn)];
};

/** Of all schemas those that are needed by the operations, directly or through others. */
export const onlyNeeded = (operations: HostDocument["operations"], find: (name: string) => Schema): HostDocument["schemas"] => {
  const needed = new Map<string, Schema>();
  const waiting = namesIn(operations);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (needed.has(name)) continue;
    const schema = find(name);
    needed.set(name, schema);
    waiting.push(...namesIn(schema));
  }
  return Object.fromEntries([...needed].toSorted(([a], [b]) => a.localeCompare(b, "en")));
};
