import { describe, expect, test } from "vitest";
import { readParameters, TaskParameter, TaskParameters } from "./task-parameters.ts";

const text = TaskParameter.parse({ type: "text", name: "version" });
const lines = TaskParameter.parse({ type: "multiline", name: "notes", required: false });
const level = TaskParameter.parse({ type: "choice", name: "level", choices: ["minor", "major"], default: "minor" });
const count = TaskParameter.parse({ type: "number", name: "count", default: 3 });
const force = TaskParameter.parse({ type: "boolean", name: "force" });
const all = [text, lines, level, count, force];

describe("declaring parameters", () => {
  test.each([
    [{ name: "1st" }, "begins with a letter"],
    [{ name: "a b" }, "begins with a letter"],
    [{ name: "__proto__" }, "begins with a letter"],
    [{ name: "a".repeat(65) }, "at most 64"],
    [{ type: "choice", choices: [] }, "something to choose from"],
    [{ type: "choice", choices: ["a", "a"] }, "twice"],
    [{ type: "choice", choices: ["a"], default: "b" }, "none of the choices"],
    [{ type: "text", default: "a\nb" }, "one line"],
    [{ type: "text", lable: "x" }, "lable"],
  ])("refuses %j", (given, message) => {
    const parsed = TaskParameter.safeParse({ type: "text", name: "x", ...given });
    expect(parsed.error?.issues.map((issue) => issue.message).join("; ")).toContain(message);
  });

  test("refuses a name that is there twice, and more than fit", () => {
    expect(TaskParameters.safeParse([text, text]).error?.issues).toMatchObject([{ path: [1, "name"] }]);
    expect(TaskParameters.safeParse(Array.from({ length: 51 }, (_, index) => ({ ...text, name: `p${index}` }))).success).toBe(
      false,
    );
  });
});

describe("reading values", () => {
  const read = (given: Parameters<typeof readParameters>[1]) => readParameters(all, given);

  test("takes defaults for what is left out", () => {
    expect(read({ version: "2" })).toEqual({
      ok: true,
      values: { version: "2", notes: "", level: "minor", count: "3", force: "no" },
    });
  });

  test("takes values by their types, and as the text that is kept with a run", () => {
    const given = { version: 2, notes: "a\nb", level: "major", count: 1.5, force: true };
    const first = read(given);
    expect(first).toEqual({ ok: true, values: { version: "2", notes: "a\nb", level: "major", count: "1.5", force: "yes" } });
    expect(first.ok && read(first.values)).toEqual(first);
    expect(read({ ...given, count: "1,50", force: "no" })).toMatchObject({ values: { count: "1.5", force: "no" } });
  });

  test.each([
    [{}, "version", "is missing"],
    [{ version: "  " }, "version", "is missing"],
    [{ version: "a\nb" }, "version", "one line"],
    [{ version: "a\0b" }, "version", "one line"],
    [{ version: "x".repeat(2001) }, "version", "2,000"],
    [{ version: "1", notes: "a\0b" }, "notes", "NUL"],
    [{ version: "1", level: "patch" }, "level", "'minor', 'major'"],
    [{ version: "1", level: "" }, "level", "is missing"],
    [{ version: "1", count: "two" }, "count", "a number"],
    [{ version: "1", count: "1; touch x" }, "count", "a number"],
    [{ version: "1", count: Number.POSITIVE_INFINITY }, "count", "a number"],
    [{ version: "1", count: "1e999" }, "count", "a number"],
    [{ version: "1", force: "maybe" }, "force", "yes or no"],
    [{ version: "1", constructor: "x" }, "constructor", "no parameter of this name; it has version, notes"],
  ])("refuses %j", (given, name, message) => {
    expect(read(given)).toEqual({ ok: false, problems: [{ name, message: expect.stringContaining(message) }] });
  });

  test("names all that is wrong at once", () => {
    expect(read({ foo: "1", level: "x" })).toMatchObject({ problems: [{ name: "foo" }, { name: "version" }, { name: "level" }] });
    expect(readParameters([], { foo: "1" })).toMatchObject({ problems: [{ message: expect.stringContaining("it has none") }] });
  });

  test("an inherited name is no value", () => {
    const named = TaskParameter.parse({ type: "text", name: "toString" });
    expect(readParameters([named], {})).toMatchObject({ ok: false, problems: [{ name: "toString" }] });
  });
});
