import { TaskParameter } from "@ccr/protocol";
import { expect, test } from "vitest";
import { parametersOf, shownValue, valuesOf } from "./parameters.ts";

const version = TaskParameter.parse({ type: "text", name: "version" });
const level = TaskParameter.parse({ type: "choice", name: "level", choices: ["a", "b"], default: "a" });
const notes = TaskParameter.parse({ type: "text", name: "notes", default: "none", required: false });

test("shows defaults until something is typed, and gives what is shown", () => {
  expect([version, level, notes].map((parameter) => shownValue(parameter, { version: "2" }))).toEqual(["2", "a", "none"]);
  expect(valuesOf([version, level, notes], { version: "2", other: "x" })).toEqual({
    ok: true,
    values: { version: "2", level: "a", notes: "none" },
  });
});

test("what was emptied is empty, where that may be", () => {
  expect(valuesOf([notes], { notes: "" })).toEqual({ ok: true, values: { notes: "" } });
  const emptied = valuesOf([version, level], { version: " ", level: "" });
  expect(emptied.ok ? [] : [...emptied.problems]).toEqual([
    ["parameters.version", "is missing: give a value"],
    ["parameters.level", "is missing: give a value"],
  ]);
});

test("tasks that are launched together are asked once for what they share", () => {
  const other = TaskParameter.parse({ type: "number", name: "version" });
  expect(parametersOf([{ parameters: [version] }, { parameters: [other, level] }])).toEqual([version, level]);
});
