import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { type HostDocument, isRecord, type Operation, type Schema } from "./documents/schema.ts";

/** An operation that a request was found to be. */
export interface Match {
  name: string;
  operation: Operation;
  /** What stands in the path, decoded. */
  params: Record<string, string>;
}

/** Holds requests and answers against a host's published document. Every check gives what is wrong, a sentence each. */
export interface Contract {
  match(method: string, path: string): Match | null;
  checkRequest(match: Match, request: { query: URLSearchParams; body: unknown }): string[];
  checkAnswer(match: Match, answer: { status: number; body: unknown }): string[];
  /** The smallest thing that a schema of the document allows, with some of it given. */
  make(schema: string, given: Record<string, unknown>): Record<string, unknown>;
}

const BASE = "document";

/** A path with names in braces, as what it matches. A name takes one segment, with `%2F` in it perhaps. */
const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{[^}]+\}/g, "([^/]+)")}$`);

const namesIn = (path: string): string[] => [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = ""]) => name);

/** A text from a path or a query as what its schema wants it to be, where it can be that. */
const coerce = (text: string, schema: Schema): unknown => {
  const types = [schema.type].flat();
  if ((types.includes("integer") || types.includes("number")) && /^-?\d+$/.test(text)) return Number(text);
  if (types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
};

interface ContractOptions {
  /** What every operation takes in its query, where a host says that apart. */
  commonQuery?: readonly string[];
  /** What bodies may hold besides what their schemas name, where a host says that in words. */
  commonBody?: readonly string[];
}

/** Makes the contract of a document. */
export const createContract = (document: HostDocument, { commonQuery = [], commonBody = [] }: ContractOptions = {}): Contract => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: BASE, schemas: document.schemas });
  // References within the document are meant from its root.
  const rooted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rooted);
    if (!isRecord(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === "$ref" && typeof inner === "string" ? `${BASE}${inner}` : rooted(inner),
      ]),
    );
  };
  const compiled = new Map<Schema, ReturnType<typeof ajv.compile>>();
  const problemsOf = (schema: Schema, value: unknown, what: string): string[] => {
    const validate = compiled.get(schema) ?? ajv.compile(rooted(schema) ?? {});
    compiled.set(schema, validate);
    if (validate(value)) return [];
    return (validate.errors ?? [])
      .slice(0, 5)
      .map((error) => `${what}${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
  };

  const resolve = (schema: Schema): Schema => {
    const name = typeof schema.$ref === "string" ? schema.$ref.replace("#/schemas/", "") : null;
    return name === null ? schema : resolve(document.schemas[name] ?? {});
  };
  const partsOf = (schema: Schema, keyword: "allOf" | "anyOf" | "oneOf"): Schema[] => {
    const parts = schema[keyword];
    return Array.isArray(parts) ? parts.filter(isRecord) : [];
  };

  /** Every property that an object may have by its schema; empty for one that may have any. */
  const propertiesOf = (given: Schema): Record<string, Schema> => {
    const schema = resolve(given);
    const own = isRecord(schema.properties) ? schema.properties : {};
    const inherited = [...partsOf(schema, "allOf"), ...partsOf(schema, "anyOf"), ...partsOf(schema, "oneOf")].map(propertiesOf);
    return Object.assign({}, ...inherited, own);
  };

  /** A host that ignores what it does not know would hide a misspelt name. */
  const unknownIn = (schema: Schema, value: unknown): string[] => {
    if (!isRecord(value)) return [];
    const known = propertiesOf(schema);
    if (Object.keys(known).length === 0) return [];
    return Object.keys(value).flatMap((name) =>
      name in known || commonBody.includes(name) ? [] : [`the body's ${name} is not known`],
    );
  };

  const sample = (given: Schema): unknown => {
    const schema = resolve(given);
    const parts = partsOf(schema, "allOf");
    if (parts.length > 0) return Object.assign({}, ...parts.map(sample));
    const [either] = [...partsOf(schema, "anyOf"), ...partsOf(schema, "oneOf")];
    if ([...partsOf(schema, "anyOf"), ...partsOf(schema, "oneOf")].some((part) => part.type === "null")) return null;
    if (either !== undefined && schema.type === undefined) return sample(either);
    if (Array.isArray(schema.enum)) return schema.enum[0];
    const types = [schema.type].flat();
    if (types.includes("null")) return null;
    if (types.includes("array")) return [];
    if (types.includes("integer") || types.includes("number")) return 1;
    if (types.includes("boolean")) return false;
    if (types.includes("string")) return sampleText(schema.format);
    const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
    const properties = propertiesOf(schema);
    return Object.fromEntries(required.map((name) => [name, sample(properties[name] ?? {})]));
  };

  return {
    match: (method, path) => {
      for (const [name, operation] of Object.entries(document.operations)) {
        const [wantedMethod = "", wantedPath = ""] = name.split(" ");
        const found = method === wantedMethod ? patternOf(wantedPath).exec(path) : null;
        if (found === null) continue;
        const params = namesIn(wantedPath).map((key, index) => [key, decodeURIComponent(found[index + 1] ?? "")]);
        return { name, operation, params: Object.fromEntries(params) };
      }
      return null;
    },
    checkRequest: ({ operation, params }, { query, body }) => {
      const inPath = Object.entries(operation.path).flatMap(([name, schema]) =>
        problemsOf(schema, coerce(params[name] ?? "", schema), `the path's ${name}`),
      );
      const inQuery = [...new Set(query.keys())].flatMap((key) => {
        const schema = operation.query[key] ?? operation.query[key.replace(/\[\]$/, "")];
        if (schema === undefined) return commonQuery.includes(key) ? [] : [`the query's ${key} is not known`];
        const values = query.getAll(key);
        const value = schema.type === "array" ? values : coerce(values[0] ?? "", schema);
        return problemsOf(schema.type === "array" ? { type: "array" } : schema, value, `the query's ${key}`);
      });
      const missing = operation.requiredQuery.flatMap((key) => (query.has(key) ? [] : [`the query lacks ${key}`]));
      if (operation.body === null)
        return [...inPath, ...inQuery, ...missing, ...(body === undefined ? [] : ["there is a body, and none is known"])];
      const inBody =
        body === undefined ? [] : [...problemsOf(operation.body, body, "the body"), ...unknownIn(operation.body, body)];
      return [...inPath, ...inQuery, ...missing, ...inBody];
    },
    checkAnswer: ({ operation }, { status, body }) => {
      const schema = operation.answers[String(status)] ?? (status < 300 ? operation.answers["2XX"] : undefined);
      if (schema === undefined && status < 300) return [`an answer with status ${status} is not known`];
      return schema === undefined || schema === null ? [] : problemsOf(schema, body, "the answer");
    },
    make: (name, given) => {
      const schema = resolve({ $ref: `#/schemas/${name}` });
      // Asked for by its name, it is there, though its schema may allow for nothing.
      const made = merge(sample(Array.isArray(schema.type) ? { ...schema, type: "object" } : schema), given);
      return isRecord(made) ? made : {};
    },
  };
};

const sampleText = (format: unknown): string => {
  switch (format) {
    case "date-time":
      return "2026-01-01T12:00:00Z";
    case "date":
      return "2026-01-01";
    case "uri":
      return "http://127.0.0.1/";
    case "email":
      return "ada@example.test";
    default:
      return "";
  }
};

/** Puts what is given over what is there; objects are joined, everything else is replaced. */
const merge = (there: unknown, given: unknown): unknown => {
  if (!isRecord(there) || !isRecord(given)) return given;
  return { ...there, ...Object.fromEntries(Object.entries(given).map(([key, value]) => [key, merge(there[key], value)])) };
};
