import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { MODEL_ALIASES, modelOptions } from "./models.ts";

test("what runs had comes first, each once, and Claude Code's own names after it", () => {
  const options = modelOptions([{ model: "sonnet" }, { model: null }, { model: "claude-x-1" }, { model: "sonnet" }]);
  expect(options.map(({ value }) => value)).toEqual(["sonnet", "claude-x-1", "opus", "haiku", "fable"]);
  expect(options.map(({ note }) => note).slice(1, 3)).toEqual(["recent", "the newest"]);
});

test("the names are those that the installed Claude Code takes", async () => {
  const types = `${import.meta.dirname}/../../../../node_modules/@anthropic-ai/claude-agent-sdk/sdk-tools.d.ts`;
  const union = /\bmodel\?: ((?:"\w+"(?: \| )?)+);/.exec(await readFile(types, "utf8"))?.[1] ?? "";
  expect(new Set(union.match(/\w+/g))).toEqual(new Set(MODEL_ALIASES));
});
