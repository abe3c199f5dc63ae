import { describe, expect, test } from "vitest";
import { readTaskFile } from "./import-file.ts";
import { placeOfPath } from "./json-place.ts";

const file = (...tasks: object[]) => JSON.stringify({ format: "claude-code-runner/tasks", version: 1, tasks }, null, 2);
const good = { name: "T", steps: [{ instructions: "Do it" }] };
const problemsOf = (text: string) => {
  const read = readTaskFile(text);
  return read.ok ? [] : read.problems.map(({ line, where, message }) => [line, where, message]);
};

test("reads a file, and fills in what it leaves out", () => {
  expect(readTaskFile(file(good))).toMatchObject({
    ok: true,
    file: { tasks: [{ name: "T", steps: [{ instructions: "Do it", checks: "" }], allowNoChanges: false }] },
  });
});

describe("tells by line and field", () => {
  test("what is no JSON", () => {
    expect(problemsOf('{\n  "format": "x",\n  oops\n}')).toEqual([[3, "", expect.stringContaining("this is no JSON")]]);
    expect(problemsOf('{\n  "format": "x"')).toEqual([[2, "", expect.stringContaining("this is no JSON")]]);
  });

  test("what is another file, or one of another version", () => {
    expect(problemsOf('{ "name": "package" }').map(([, where]) => where)).toEqual(["format", "version", "tasks", ""]);
    expect(problemsOf(file(good).replace('"version": 1', '"version": 2'))).toEqual([
      [3, "version", expect.stringContaining("another version of this program")],
    ]);
  });

  test("what is wrong with a task", () => {
    const bad = {
      name: "",
      steps: [{ instructions: "ok" }, { instructions: " ", checks: "" }],
      parameters: [{ type: "text", name: "a b" }],
      id: "task_0123456789",
    };
    const text = file(good, bad);
    const lineOf = (part: string) => text.slice(0, text.indexOf(part)).split("\n").length;
    expect(problemsOf(text)).toEqual([
      [lineOf('"name": ""'), "tasks[1].name", expect.stringContaining("empty")],
      [lineOf('"instructions": " "'), "tasks[1].steps[1].instructions", expect.stringContaining("empty")],
      [lineOf('"name": "a b"'), "tasks[1].parameters[0].name", expect.stringContaining("letter")],
      [lineOf('{\n      "name": ""'), "tasks[1]", expect.stringContaining('"id"')],
    ]);
  });
});

test("finds a value past texts that hold brackets, quotes and breaks, and else what is around it", () => {
  const text = '{\n "a": "}\\"]{",\n "b": [ {"x": [1,2]}, -1.5e3, null,\n  {"\\u0063": true } ]\n}';
  expect(placeOfPath(text, ["a"])).toEqual({ line: 2, column: 7 });
  expect(placeOfPath(text, ["b", 0, "x", 1])).toEqual({ line: 3, column: 18 });
  expect(placeOfPath(text, ["b", 3, "c"])).toEqual({ line: 4, column: 14 });
  expect(placeOfPath(text, ["b", 3, "d"])).toEqual({ line: 4, column: 3 });
  expect(placeOfPath(text, ["z", "z"])).toEqual({ line: 1, column: 1 });
});
