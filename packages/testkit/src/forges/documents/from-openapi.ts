import { type HostDocument, isRecord, type Operation, onlyNeeded, type Schema } from "./schema.ts";

// Kept of a schema is what decides whether a value is right; examples and explanations are not.
const DROPPED = new Set([
  "description",
  "example",
  "examples",
  "title",
  "externalDocs",
  "default",
  "deprecated",
  "nullable",
  "discriminator",
]);
const COMPONENT = "#/components/schemas/";

const orNull = (schema: Record<string, unknown>): Record<string, unknown> => {
  if (typeof schema.type === "string") {
    const values = Array.isArray(schema.enum) ? { enum: [...schema.enum, null] } : {};
    return { ...schema, type: [schema.type, "null"], ...values };
  }
  return { anyOf: [schema, { type: "null" }] };
};

const cleanSchema = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(cleanSchema);
  if (!isRecord(value)) return value;
  if (typeof value.$ref === "string") return { $ref: value.$ref.replace(COMPONENT, "#/schemas/") };
  const kept: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (DROPPED.has(key) || key.startsWith("x-")) continue;
    // Here the keys are names of properties, whatever they are called.
    kept[key] =
      key === "properties" && isRecord(inner)
        ? Object.fromEntries(Object.entries(inner).map(([name, schema]) => [name, cleanSchema(schema)]))
        : cleanSchema(inner);
  }
  return value.nullable === true ? orNull(kept) : kept;
};

const schemaOf = (value: unknown): Schema => {
  const clean = cleanSchema(value);
  return isRecord(clean) ? clean : {};
};

/** Reads an OpenAPI 3.0 document and keeps the wanted operations. */
export const fromOpenApi = (document: unknown, wanted: readonly string[], source: string): HostDocument => {
  const at = (...keys: string[]): unknown =>
    keys.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), document);
  const resolve = (value: unknown): unknown =>
    isRecord(value) && typeof value.$ref === "string" ? resolve(at(...value.$ref.slice(2).split("/"))) : value;
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

  const jsonOf = (value: unknown): Schema | null => {
    const holder = resolve(value);
    const content = isRecord(holder) && isRecord(holder.content) ? holder.content["application/json"] : undefined;
    return isRecord(content) ? schemaOf(content.schema) : null;
  };

  const operationOf = (name: string): Operation => {
    const [method = "", path = ""] = name.split(" ");
    const found = at("paths", path, method.toLowerCase());
    if (!isRecord(found)) throw new Error(`the document has no ${name}`);
    const parameters = [...list(at("paths", path, "parameters")), ...list(found.parameters)].map(resolve).filter(isRecord);
    const inPlace = (place: string) =>
      Object.fromEntries(parameters.flatMap((one) => (one.in === place ? [[String(one.name), schemaOf(one.schema)]] : [])));
    const answers = isRecord(found.responses) ? found.responses : {};
    return {
      path: inPlace("path"),
      query: inPlace("query"),
      requiredQuery: parameters.flatMap((one) => (one.in === "query" && one.required === true ? [String(one.name)] : [])),
      body: jsonOf(found.requestBody),
      answers: Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, jsonOf(answer)])),
    };
  };

  const operations = Object.fromEntries(wanted.map((name) => [name, operationOf(name)]));
  const find = (name: string): Schema => {
    const schema = at("components", "schemas", name);
    if (schema === undefined) throw new Error(`the document has no schema ${name}`);
    return schemaOf(schema);
  };
  return { source, operations, schemas: onlyNeeded(operations, find) };
};
