import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { documents, missingPaths, namedPaths } from "./document-paths.mjs";
import { root } from "./setup/places.mjs";

test("finds links, pictures and code, relative to where they are", () => {
  const text = [
    "See [the model](security.md#doors) and ![picture](./architecture.svg).",
    '<img src="lifecycle.svg"> and [elsewhere](https://example.org/docs/x) and [here](#there).',
    "The heart is `apps/backend/src/runs`; `npm test` and `example.org/docs/x` are no paths.",
    "```",
    "ls gateway/src   # not-a-path",
    "```",
  ].join("\n");
  expect(namedPaths(text).map(({ path, line }) => `${line} ${path}`)).toEqual([
    "1 security.md",
    "1 ./architecture.svg",
    "2 lifecycle.svg",
    "3 apps/backend/src/runs",
    "5 gateway/src",
  ]);
});

test("names the line of a path that is gone", () => {
  const text = "Here is [a page](decisions/0001-x.md).\n\nAnd `apps/backend/src/nowhere/`, `docs/decisions/NNNN-title.md`.";
  expect(missingPaths("docs/a.md", text, () => false)).toEqual([
    "docs/a.md:1 names docs/decisions/0001-x.md, which does not exist",
    "docs/a.md:3 names apps/backend/src/nowhere/, which does not exist",
  ]);
  expect(missingPaths("docs/a.md", text, () => true)).toEqual([]);
});

test("every path that the documents name exists", () => {
  const exists = (path: string) => existsSync(join(root, path));
  expect(documents()).toContain("AGENTS.md");
  expect(documents().flatMap((path) => missingPaths(path, readFileSync(join(root, path), "utf8"), exists))).toEqual([]);
});
