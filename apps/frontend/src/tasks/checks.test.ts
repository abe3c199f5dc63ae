import { expect, test } from "vitest";
import { adviceFor, asCommand, explainChecks, linesOfChecks } from "./checks.ts";

test("tells commands from prose, as the server does", () => {
  expect(explainChecks("$ npm test\nReads well.\n$ npm run lint")).toEqual({
    commands: ["npm test", "npm run lint"],
    prose: "Reads well.",
    almostCommands: [],
    doubts: [],
  });
});

test("tells each line for itself, in their order", () => {
  const kinds = linesOfChecks("$ npm test\r\n\nReads well.\n$npm test\n$ ").map(({ kind }) => kind);
  expect(kinds).toEqual(["command", "empty", "prose", "almost", "prose"]);
});

test("notices lines that look like commands and are none, and mends them", () => {
  const { almostCommands } = explainChecks("$npm test\n  $ make\n$\nIt costs $5.\n$5 are enough.\n$ ok\n> npm ci\n# Heading");
  expect(almostCommands).toEqual(["$npm test", "$ make", "> npm ci"]);
  expect(almostCommands.map(asCommand)).toEqual(["$ npm test", "$ make", "$ npm ci"]);
  expect(almostCommands.map(adviceFor)).toEqual([
    "There is no space after its dollar sign.",
    "There is something before its dollar sign.",
    "A command begins its line with a dollar sign and one space.",
  ]);
});

test.each([
  ["cd web", "shell of its own"],
  ["export CI=1", "shell of its own"],
  ["npm test || true", "passes whatever"],
  ["npm test \\", "one line"],
  ["vitest --watch", "does not end"],
  ["sudo make", "plain user"],
])("doubts %s", (command, why) => {
  expect(explainChecks(`$ ${command}`).doubts).toEqual([{ command, why: expect.stringContaining(why) }]);
});

test.each(["cd web && npm test", "CI=1 npm test", "npm test -- --watch=false", "true"])("does not doubt %s", (command) => {
  expect(explainChecks(`$ ${command}`).doubts).toEqual([]);
});
