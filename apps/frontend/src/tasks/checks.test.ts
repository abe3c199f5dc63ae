import { expect, test } from "vitest";
import { explainChecks } from "./checks.ts";

test("tells commands from prose, as the server does", () => {
  expect(explainChecks("$ npm test\nReads well.\n$ npm run lint")).toEqual({
    commands: ["npm test", "npm run lint"],
    prose: "Reads well.",
    almostCommands: [],
  });
});

test("notices lines that look like commands and are none", () => {
  expect(explainChecks("$npm test\n  $ make\n$\nIt costs $5.\n$ ok").almostCommands).toEqual(["$npm test", "$ make"]);
});
