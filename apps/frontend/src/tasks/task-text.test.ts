import { EnvironmentId, NO_DEFAULTS, type TaskContent, TaskParameter } from "@ccr/protocol";
import { expect, test } from "vitest";
import { describeChanged, textOfTask } from "./task-text.ts";

const content: TaskContent = {
  name: "Bump",
  steps: [
    { instructions: "Bump it.\nThen test.", checks: "$ npm test" },
    { instructions: "Say so.", checks: "" },
  ],
  allowNoChanges: false,
  delivery: null,
  environmentId: EnvironmentId.parse("env_0123456789"),
  parameters: [TaskParameter.parse({ type: "choice", name: "level", choices: ["a", "b"], default: "a" })],
  defaults: { ...NO_DEFAULTS, model: "opus", limits: { timeSeconds: 90, budgetUsd: null }, network: "packages" },
};

test("says all of a task, line by line, so that what differs stands in a line of its own", () => {
  expect(textOfTask(content, "Node").split("\n")).toEqual([
    "Name: Bump",
    "",
    "Step 1",
    "  Bump it.",
    "  Then test.",
    "  Checks",
    "    $ npm test",
    "",
    "Step 2",
    "  Say so.",
    "",
    "Parameter {{level}}: choice, required",
    "  choice: a",
    "  choice: b",
    "  default: a",
    "Environment: Node",
    "A run that changes no file may pass: no",
    "Result: kept here",
    "Usual model: opus",
    "Usual network: hosts of packages",
    "Time for the whole run: 1.5 minutes",
    "Money for the model: no limit",
    "",
  ]);
});

test("names what was changed", () => {
  expect(describeChanged(["name"])).toBe("name");
  expect(describeChanged(["name", "steps", "delivery"])).toBe("name, steps and result");
  expect(describeChanged([])).toBe("nothing");
});
