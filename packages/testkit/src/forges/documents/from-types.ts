import type { ClassElement, Program, TSSignature, TSType } from "oxc-parser";
import { type HostDocument, type Operation, onlyNeeded, type Schema } from "./schema.ts";
import { createConverter, membersOf, parseTypes, propertiesOf, type TypesFile } from "./types-to-schema.ts";

const declarationsIn = (program: Program) =>
  program.body.map((statement) =>
    statement.type === "ExportNamedDeclaration" && statement.declaration !== null ? statement.declaration : statement,
  );

/** The types of a file by name, an interface like a type. */
const typesIn = (file: TypesFile): Map<string, TSType> => {
  const found = new Map<string, TSType>();
  for (const statement of declarationsIn(file.program)) {
    if (statement.type === "TSTypeAliasDeclaration") found.set(statement.id.name, statement.typeAnnotation);
    if (statement.type === "TSInterfaceDeclaration") {
      const { start, end, body } = statement;
      found.set(statement.id.name, { type: "TSTypeLiteral", members: body.body, start, end, parent: statement });
    }
  }
  return found;
};

const memberOf = (members: readonly TSSignature[], file: TypesFile, name: string): TSType | undefined =>
  propertiesOf(members, file).find((property) => property.name === name)?.type;

const objectParts = (schema: Schema): { properties: Record<string, Schema>; required: string[] } => {
  const { properties, required } = schema;
  return {
    properties: typeof properties === "object" && properties !== null ? { ...properties } : {},
    required: Array.isArray(required) ? required.map(String) : [],
  };
};

/** Reads what openapi-typescript made of a document (`paths`, `components`) and keeps the wanted operations. */
export const fromOpenApiTypes = (text: string, wanted: readonly string[], source: string): HostDocument => {
  const file = parseTypes(text);
  const types = typesIn(file);
  const at = (type: TSType | undefined, name: string) => memberOf(membersOf(type), file, name);
  const schemaTypes = membersOf(at(types.get("components"), "schemas"));
  const find = (name: string): TSType => {
    const type = memberOf(schemaTypes, file, name);
    if (type === undefined) throw new Error(`the document has no schema ${name}`);
    return type;
  };
  const { convert } = createConverter(file, find);
  /** An operation may stand under a name of its own: `operations["name"]`. */
  const resolve = (type: TSType | undefined): TSType | undefined => {
    if (type?.type !== "TSIndexedAccessType" || type.indexType.type !== "TSLiteralType") return type;
    return type.indexType.literal.type === "Literal" ? at(types.get("operations"), String(type.indexType.literal.value)) : type;
  };

  const jsonOf = (holder: TSType | undefined): Schema | null => {
    const json = at(at(holder, "content"), "application/json");
    return json === undefined ? null : convert(json);
  };

  const operationOf = (name: string): Operation => {
    const [method = "", path = ""] = name.split(" ");
    const entry = at(types.get("paths"), path);
    const found = resolve(at(entry, method.toLowerCase()));
    if (found === undefined) throw new Error(`the document has no ${name}`);
    const inPlace = (place: string) =>
      [at(entry, "parameters"), at(found, "parameters")].map((parameters) => {
        const type = at(parameters, place);
        return objectParts(type === undefined || type.type === "TSNeverKeyword" ? {} : convert(type));
      });
    const [shared, own] = inPlace("query");
    const responses = propertiesOf(membersOf(at(found, "responses")), file);
    return {
      path: Object.assign({}, ...inPlace("path").map(({ properties }) => properties)),
      query: { ...shared?.properties, ...own?.properties },
      requiredQuery: [...(shared?.required ?? []), ...(own?.required ?? [])],
      body: jsonOf(at(found, "requestBody")),
      answers: Object.fromEntries(responses.map(({ name: status, type }) => [status, jsonOf(type)])),
    };
  };

  const operations = Object.fromEntries(wanted.map((name) => [name, operationOf(name)]));
  return { source, operations, schemas: onlyNeeded(operations, (name) => convert(find(name))) };
};

const REQUEST = /@request ([A-Z]+):(\S+)/;

const elementsOf = (program: Program): readonly ClassElement[] =>
  declarationsIn(program).flatMap((statement) => (statement.type === "ClassDeclaration" ? statement.body.body : []));

/** Reads what swagger-typescript-api made of a document (a class with a method for each operation) and keeps the wanted operations. */
export const fromSwaggerTypes = (text: string, wanted: readonly string[], source: string): HostDocument => {
  const file = parseTypes(text);
  const types = typesIn(file);
  const find = (name: string): TSType => {
    const type = types.get(name);
    if (type === undefined) throw new Error(`the document has no schema ${name}`);
    return type;
  };
  const { convert } = createConverter(file, find);

  const groups = elementsOf(file.program).flatMap((element) =>
    element.type === "PropertyDefinition" ? membersOf(element.typeAnnotation?.typeAnnotation) : [],
  );
  const methods = new Map(
    propertiesOf(groups, file).flatMap(({ type, comment }): [string, TSType][] => {
      const [, method, path] = REQUEST.exec(comment) ?? [];
      return method === undefined || path === undefined ? [] : [[`${method} ${path}`, type]];
    }),
  );

  const operationOf = (name: string): Operation => {
    const method = methods.get(name);
    if (method?.type !== "TSFunctionType") throw new Error(`the document has no ${name}`);
    const parameters = method.params.flatMap((parameter): [string, TSType][] =>
      parameter.type === "Identifier" && parameter.typeAnnotation
        ? [[parameter.name, parameter.typeAnnotation.typeAnnotation]]
        : [],
    );
    const query = parameters.find(([name]) => name === "query")?.[1];
    const body = parameters.find(([name]) => name === "body")?.[1];
    const { properties, required } = objectParts(query === undefined ? {} : convert(query));
    // Promise<HttpResponse<Answer, Error>>
    const promise = method.returnType?.typeAnnotation;
    const response = promise?.type === "TSTypeReference" ? promise.typeArguments?.params[0] : undefined;
    const answer = response?.type === "TSTypeReference" ? response.typeArguments?.params[0] : undefined;
    const hasAnswer = answer !== undefined && answer.type !== "TSAnyKeyword" && answer.type !== "TSVoidKeyword";
    return {
      path: Object.fromEntries(
        parameters.filter(([name]) => !["query", "body", "params"].includes(name)).map(([name, type]) => [name, convert(type)]),
      ),
      query: properties,
      requiredQuery: required,
      body: body === undefined ? null : convert(body),
      answers: { "2XX": hasAnswer ? convert(answer) : null },
    };
  };

  const operations = Object.fromEntries(wanted.map((name) => [name, operationOf(name)]));
  return { source, operations, schemas: onlyNeeded(operations, (name) => convert(find(name))) };
};
