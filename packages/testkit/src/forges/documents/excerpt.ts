// Makes the excerpts beside this file from what hosts publish: see the README there.
//   node packages/testkit/src/forges/documents/excerpt.ts github|gitea|bitbucket <file> <name and version of its package>
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromOpenApi } from "./from-openapi.ts";
import { fromOpenApiTypes, fromSwaggerTypes } from "./from-types.ts";
import type { HostDocument } from "./schema.ts";
import { WANTED } from "./wanted.ts";

const [, , kind = "", file = "", source = ""] = process.argv;

const read = (): HostDocument => {
  const text = readFileSync(file, "utf8");
  switch (kind) {
    case "github":
      return fromOpenApi(JSON.parse(text), WANTED.github, source);
    case "bitbucket":
      return fromOpenApiTypes(text, WANTED.bitbucket, source);
    case "gitea":
      return fromSwaggerTypes(text, WANTED.gitea, source);
    default:
      throw new Error("which host? github, gitea or bitbucket");
  }
};

/** One line for each operation and each schema, so that a change can be read. */
const write = ({ source: from, operations, schemas }: HostDocument): string => {
  const lines = (record: Readonly<Record<string, unknown>>) =>
    Object.entries(record)
      .map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
      .join(",\n");
  return `{\n  "source": ${JSON.stringify(from)},\n  "operations": {\n${lines(operations)}\n  },\n  "schemas": {\n${lines(schemas)}\n  }\n}\n`;
};

writeFileSync(join(import.meta.dirname, `${kind}.json`), write(read()));
