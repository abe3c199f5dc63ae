import { describe, expect, test } from "vitest";
import { deriveEntries } from "../../entries/derive.ts";
import type { ToolEntry } from "../../entries/entry.ts";
import { recorded } from "../../entries/recorded/recorded.ts";
import { answer, call, hears, only, says, transcriptOf } from "../../entries/sample-messages.ts";
import { toolName } from "../../entries/tool-name.ts";
import { readBash } from "./bash-result.ts";
import { readQuestions } from "./questions.ts";
import { readFileResult } from "./read-result.ts";
import { effortOf, reportOf } from "./report.ts";
import { occurrences, readSearch } from "./search-result.ts";
import { readWebFetch, readWebSearch } from "./web-result.ts";

const tools = (scenario: string): ToolEntry[] => only(deriveEntries(recorded(scenario)), "tool");
const named = (scenario: string, name: string): ToolEntry => {
  const found = tools(scenario).find((tool) => tool.name === name);
  if (found === undefined) throw new Error(`${name} was not used in ${scenario}`);
  return found;
};
/** A call that gave this. */
const gave = (name: string, input: unknown, content: unknown, structured?: unknown, isError = false): ToolEntry => {
  const parts = [says(call("t", name, input)), hears([answer("t", content, isError)], { tool_use_result: structured })];
  const [tool] = only(deriveEntries(transcriptOf(...parts)), "tool");
  if (tool === undefined) throw new Error("no call was made");
  return tool;
};

describe("a command", () => {
  test("tells its exit code apart from its output", () => {
    expect(readBash(named("tools", "Bash"))).toEqual({
      output: "\u001b[38;5;208morange\u001b[0m\n\u001b[48;2;10;20;30mtrue\u001b[0m\nerr",
      exitCode: 3,
      notes: [],
    });
    expect(readBash(gave("Bash", { command: "x" }, "Exit code 1", undefined, true))).toMatchObject({ output: "", exitCode: 1 });
    // A command that succeeds may print the same words.
    expect(readBash(gave("Bash", { command: "x" }, "Exit code 1\nno"))).toMatchObject({
      output: "Exit code 1\nno",
      exitCode: null,
    });
  });

  test("in the background, or without an output, does not show what is said for the model alone", () => {
    const background = tools("tools").filter(({ name }) => name === "Bash")[1];
    expect(background === undefined ? null : readBash(background)).toMatchObject({
      output: "",
      notes: ["In the background as b1ytkq5nv."],
    });
    expect(readBash(named("nb", "Bash")).output).toBe("");
  });

  test("says what git did, where the rest of the output is, and that it took too long", () => {
    const structured = {
      stdout: "",
      timedOutAfterMs: 120_000,
      persistedOutputPath: "/tmp/out",
      persistedOutputSize: 2048,
      gitOperation: {
        commit: { sha: "0123456789abcdef", kind: "amended" },
        push: { branch: "main" },
        pr: { number: 7, action: "created" },
      },
    };
    expect(readBash(gave("Bash", { command: "x" }, "ok", structured)).notes).toEqual([
      "It took too long: it was moved to the background after 2 m 00 s.",
      "All of the output (2.0 KB) was written to /tmp/out.",
      "amended 0123456789ab",
      "pushed main",
      "pull request 7 created",
    ]);
  });
});

describe("a file that was read", () => {
  test("has its lines with their numbers, from Claude Code's own form or from its words", () => {
    expect(readFileResult(named("tools", "Read"))).toEqual({
      kind: "code",
      code: "# Sample\n\nslugs",
      firstLine: 1,
      lineCount: 3,
      totalLines: 4,
    });
    const words = "    12→const a = 1;\n    13→\n    14\tconst b;\n\n<system-reminder>\nnot of the file\n</system-reminder>";
    expect(readFileResult(gave("Read", { file_path: "a.ts" }, words))).toEqual({
      kind: "code",
      code: "const a = 1;\n\nconst b;",
      firstLine: 12,
      lineCount: 3,
      totalLines: null,
    });
    expect(readFileResult(gave("Read", { file_path: "a.ts" }, "File is empty"))).toEqual({ kind: "words" });
  });

  test("may be a notebook, an image or a PDF", () => {
    const [notebook, image] = tools("nb").filter(({ name }) => name === "Read");
    expect(notebook === undefined ? null : readFileResult(notebook)).toEqual({
      kind: "notebook",
      cells: [
        { id: "c1", isCode: true, source: "x = 1\nprint(x)", language: "python", output: "1" },
        { id: "c2", isCode: false, source: "# T", language: "python", output: "" },
      ],
    });
    expect(image === undefined ? null : readFileResult(image)).toEqual({ kind: "words" });
    const pdf = { type: "pdf", file: { originalSize: 900, base64: "AAAA" } };
    expect(readFileResult(gave("Read", {}, "PDF", pdf))).toEqual({ kind: "document", facts: [], bytes: 900 });
    expect(readFileResult(gave("Read", {}, "x", { type: "notebook", file: { cells: "broken" } }))).toEqual({
      kind: "notebook",
      cells: [],
    });
  });
});

describe("a search", () => {
  const found = (input: unknown, text: string, structured?: unknown) => readSearch(gave("Grep", input, text, structured));

  test("is grouped by file, with the lines around a match told apart", () => {
    const input = { pattern: "x", output_mode: "content" };
    expect(found(input, "src/a.ts:3:let x;\nsrc/a.ts-4-let y;\n--\nb-1.ts:10:x: 1\nFound 2 lines")).toEqual({
      kind: "files",
      files: [
        {
          path: "src/a.ts",
          count: null,
          matches: [
            { line: 3, text: "let x;", isMatch: true },
            { line: 4, text: "let y;", isMatch: false },
          ],
        },
        { path: "b-1.ts", count: null, matches: [{ line: 10, text: "x: 1", isMatch: true }] },
      ],
      notes: ["Found 2 lines"],
    });
    expect(found({ ...input, path: "src/a.ts" }, "3:let x;\n4-let y;")).toMatchObject({
      files: [{ path: "src/a.ts", matches: [{ line: 3 }, { line: 4, isMatch: false }] }],
    });
  });

  test("knows files and counts, and leaves as words what it cannot read", () => {
    expect(found({ pattern: "x" }, "Found 2 files\na.ts\nb.ts")).toMatchObject({ files: [{ path: "a.ts" }, { path: "b.ts" }] });
    expect(found({ pattern: "x", output_mode: "count" }, "a.ts:3\n\nFound 3 total occurrences across 1 file.")).toMatchObject({
      files: [{ path: "a.ts", count: 3 }],
    });
    expect(found({ pattern: "x", output_mode: "content", "-n": false }, "let x;\nlet xx;")).toEqual({ kind: "words" });
    expect(found({ pattern: "x" }, "No files found")).toEqual({ kind: "files", files: [], notes: ["No files found"] });
  });

  test("marks plain patterns only: a pattern of the agent's never runs as one", () => {
    expect(occurrences("a.b a.b", "a", false)).toEqual([
      [0, 1],
      [4, 5],
    ]);
    expect(occurrences("Config config", "config", true)).toHaveLength(2);
    expect(occurrences("aaaa", "(a+)+$", false)).toEqual([]);
    expect(occurrences("aaaa", "", false)).toEqual([]);
  });
});

test("a subagent's report is its own words, without the frame that is for the model", () => {
  const [first, background] = tools("sub");
  expect(first === undefined ? null : reportOf(first)).toBe("Sub **done**.");
  expect(background === undefined ? null : reportOf(background)).toBe("Sub **done**.");
  expect(first === undefined ? null : effortOf(first)).toMatchObject({ tokens: 6529, calls: 1, durationMs: 88 });
  const framed =
    "  <tools-used-before-summary>Read</tools-used-before-summary>\n  \n[Subagent hand-back] Words. The report follows:\n  One\n    two";
  expect(reportOf(gave("Task", {}, [{ type: "text", text: framed }]))).toBe("One\n  two");
  expect(reportOf(gave("Task", {}, [{ type: "text", text: "Done.\n\nagentId: a1 (for resuming)" }]))).toBe("Done.");
});

test("a question shows what was chosen, also several things, or what was said instead", () => {
  expect(readQuestions(named("ask", "AskUserQuestion"))).toMatchObject([
    {
      header: "Lib",
      text: "Which?",
      answer: "B",
      isOwnWords: false,
      options: [
        { label: "A", isChosen: false },
        { label: "B", isChosen: true },
      ],
    },
  ]);
  const questions = [{ question: "Both?", multiSelect: true, options: [{ label: "A" }, { label: "B" }, { label: "C" }] }];
  const both = readQuestions(gave("AskUserQuestion", { questions }, "ok", { answers: { "Both?": "A, C" } }));
  expect(both[0]?.options.map(({ isChosen }) => isChosen)).toEqual([true, false, true]);
  const own = readQuestions(gave("AskUserQuestion", { questions }, "ok", { answers: { "Both?": "None of them" } }));
  expect(own).toMatchObject([{ isOwnWords: true, answer: "None of them" }]);
  const hostile = [{ question: "constructor", options: [7, { label: 7 }] }, null];
  expect(readQuestions(gave("AskUserQuestion", { questions: hostile }, "ok", { answers: 7 }))).toMatchObject([{ answer: null }]);
});

test("the web: hits from every form they come in, and how a page answered", () => {
  const hits = [{ title: "A", url: "https://a.test", snippet: "" }];
  const structured = { results: [{ content: [{ title: "A", url: "https://a.test" }, { title: "no address" }] }, "So it is."] };
  expect(readWebSearch(gave("WebSearch", {}, "x", structured))).toEqual({ hits, said: "So it is." });
  const links = 'Web search results\n\nLinks: [{"title":"A","url":"https://a.test"}]\n\nSo it is.';
  expect(readWebSearch(gave("WebSearch", {}, links))).toMatchObject({ hits, said: expect.stringContaining("So it is.") });
  expect(readWebSearch(gave("WebSearch", {}, "Links: [{broken"))).toEqual({ hits: [], said: "Links: [{broken" });
  const block = { type: "web_search_result", title: "A", url: "https://a.test" };
  expect(readWebSearch(gave("web_search", {}, [block]))).toEqual({ hits, said: "" });
  expect(readWebFetch(gave("WebFetch", {}, "words", { code: 404, codeText: "Not Found", bytes: 3, result: "gone" }))).toEqual({
    code: 404,
    codeText: "Not Found",
    bytes: 3,
    said: "gone",
  });
});

test("tools have names for people; an MCP tool its server's", () => {
  expect(tools("mcp").map(toolName)).toEqual([
    { server: "shapes", name: "Draw" },
    { server: "shapes", name: "Fail" },
    { server: "shapes", name: "Structured" },
  ]);
  expect(toolName({ name: "mcp__a_b__c__d", title: null })).toEqual({ server: "a_b", name: "c__d" });
  expect(toolName({ name: "mcp__", title: null })).toEqual({ server: null, name: "mcp__" });
  expect(toolName({ name: "constructor", title: null })).toEqual({ server: null, name: "constructor" });
});
