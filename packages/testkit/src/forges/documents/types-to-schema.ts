import { type Comment, type Program, parseSync, type TSSignature, type TSType } from "oxc-parser";
import { isRecord, referTo, type Schema } from "./schema.ts";

/** A file of TypeScript types that was generated from a host's document, with what is written above each property. */
export interface TypesFile {
  program: Program;
  /** The last comment before a place; empty when there is none. */
  commentBefore(offset: number): string;
}

export const parseTypes = (text: string): TypesFile => {
  const { program, comments, errors } = parseSync("document.d.ts", text);
  const [error] = errors;
  if (error !== undefined) throw new Error(error.message);
  const ends = new Map<number, Comment>(comments.map((comment) => [comment.end, comment]));
  return {
    program,
    commentBefore: (offset) => {
      let at = offset;
      while (at > 0 && /\s/.test(text[at - 1] ?? "")) at--;
      return ends.get(at)?.value ?? "";
    },
  };
};

export interface Property {
  name: string;
  type: TSType;
  isOptional: boolean;
  comment: string;
}

/** The properties of a type or an interface, by name. */
export const propertiesOf = (members: readonly TSSignature[], file: TypesFile): Property[] =>
  members.flatMap((member) => {
    if (member.type !== "TSPropertySignature" || member.typeAnnotation === null) return [];
    const { key } = member;
    const name = key.type === "Identifier" ? key.name : key.type === "Literal" ? String(key.value) : "";
    const { typeAnnotation: type } = member.typeAnnotation;
    return [{ name, type, isOptional: member.optional, comment: file.commentBefore(member.start) }];
  });

export const membersOf = (type: TSType | undefined): readonly TSSignature[] =>
  type?.type === "TSTypeLiteral" ? type.members : [];

/** What a document's `format` is called in the comments that generators write. */
const FORMAT = /(?:@format|Format:)\s+(date-time|date|uri|email|int32|int64)/;

const withFormat = (schema: Schema, comment: string): Schema => {
  const format = FORMAT.exec(comment)?.[1];
  if (format === undefined) return schema;
  if (schema.type === "number" && format.startsWith("int")) return { type: "integer" };
  return schema.type === "string" ? { ...schema, format } : schema;
};

const without = (schema: Schema, name: string): Schema => {
  const { properties, required, allOf, ...rest } = schema;
  return {
    ...rest,
    ...(isRecord(properties)
      ? { properties: Object.fromEntries(Object.entries(properties).filter(([key]) => key !== name)) }
      : {}),
    ...(Array.isArray(required) ? { required: required.filter((key) => key !== name) } : {}),
    ...(Array.isArray(allOf) ? { allOf: allOf.map((part) => (isRecord(part) ? without(part, name) : part)) } : {}),
  };
};

/** Turns types into schemas. `find` gives the type behind a name of the file. */
export const createConverter = (file: TypesFile, find: (name: string) => TSType) => {
  const objectOf = (properties: readonly Property[]): Schema => {
    const required = properties.filter(({ isOptional }) => !isOptional).map(({ name }) => name);
    return {
      type: "object",
      properties: Object.fromEntries(
        properties.map(({ name, type, comment }) => [name, withFormat(ofProperty(name, type), comment)]),
      ),
      ...(required.length === 0 ? {} : { required }),
    };
  };

  // The one value that a kind of thing has in its `type` is not the only one there: an account's type is user, team or app_user.
  const ofProperty = (name: string, type: TSType): Schema =>
    name === "type" && type.type === "TSLiteralType" ? { type: "string" } : convert(type);

  const convertUnion = (types: readonly TSType[]): Schema => {
    const values = types.flatMap((type) =>
      type.type === "TSLiteralType" && type.literal.type === "Literal" ? [type.literal.value] : [],
    );
    return values.length === types.length ? { enum: values } : { anyOf: types.map(convert) };
  };

  /** The schema behind a type, with a name replaced by what it stands for. */
  const expand = (type: TSType): Schema => {
    const schema = convert(type);
    return typeof schema.$ref === "string" ? expand(find(schema.$ref.replace("#/schemas/", ""))) : schema;
  };

  const convertReference = (name: string, args: readonly TSType[]): Schema => {
    const [first, second] = args;
    switch (name) {
      case "Record":
        return { type: "object" };
      case "Readonly":
      case "Partial":
        return first === undefined ? {} : convert(first);
      case "Omit": {
        const left = second?.type === "TSLiteralType" && second.literal.type === "Literal" ? String(second.literal.value) : "";
        return first === undefined ? {} : without(expand(first), left);
      }
      case "File":
        return {};
      default:
        return referTo(name);
    }
  };

  /** `components["schemas"]["name"]` */
  const nameOf = (type: TSType): string | null =>
    type.type === "TSIndexedAccessType" && type.indexType.type === "TSLiteralType" && type.indexType.literal.type === "Literal"
      ? String(type.indexType.literal.value)
      : null;

  const convert = (type: TSType): Schema => {
    switch (type.type) {
      case "TSStringKeyword":
        return { type: "string" };
      case "TSNumberKeyword":
        return { type: "number" };
      case "TSBooleanKeyword":
        return { type: "boolean" };
      case "TSNullKeyword":
        return { type: "null" };
      case "TSArrayType":
        return { type: "array", items: convert(type.elementType) };
      case "TSTypeOperator":
        return convert(type.typeAnnotation);
      case "TSParenthesizedType":
        return convert(type.typeAnnotation);
      case "TSLiteralType":
        return type.literal.type === "Literal" ? { enum: [type.literal.value] } : {};
      case "TSTypeLiteral":
        return objectOf(propertiesOf(type.members, file));
      case "TSUnionType":
        return convertUnion(type.types);
      case "TSIntersectionType": {
        // A record of anything adds nothing to what it is joined with.
        const parts = type.types.map(convert).filter((part) => Object.keys(part).length !== 1 || part.type !== "object");
        return parts.length === 1 && parts[0] !== undefined ? parts[0] : { allOf: parts };
      }
      case "TSTypeReference": {
        const name = type.typeName.type === "Identifier" ? type.typeName.name : "";
        return convertReference(name, type.typeArguments?.params ?? []);
      }
      case "TSIndexedAccessType": {
        const name = nameOf(type);
        return name === null ? {} : referTo(name);
      }
      default:
        return {};
    }
  };

  return { convert, objectOf };
};
