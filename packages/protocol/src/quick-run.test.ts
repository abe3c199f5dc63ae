import { describe, expect, test } from "vitest";
import { quickTaskName, StartRunInput } from "./quick-run.ts";

describe("the name of a task that is made for one run", () => {
  test.each([
    ["Fix the build", "Fix the build"],
    ["\n\n  # Fix   the\tbuild \nand more", "Fix the build"],
    ["- list\n- of things", "list"],
    ["   ", "A run"],
  ])("is the first line that says something: %j", (prompt, name) => {
    expect(quickTaskName(prompt)).toBe(name);
  });

  test("is cut between words, and never within a character", () => {
    const long = quickTaskName(`Add ${"a word ".repeat(40)}`);
    expect(long.length).toBeLessThanOrEqual(81);
    expect(long).toMatch(/ (a|word)…$/);
    expect(quickTaskName("🎉".repeat(100))).toMatch(/^🎉+…$/u);
  });
});

test("a prompt is needed, and checks are not", () => {
  expect(StartRunInput.safeParse({ repository: "acme/slugs", prompt: " " }).success).toBe(false);
  expect(StartRunInput.parse({ repository: "acme/slugs", prompt: "Fix it" })).toMatchObject({
    checks: "",
    allowNoChanges: false,
  });
});
