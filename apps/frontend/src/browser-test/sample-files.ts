import { call, gave, type Said, says } from "./said.ts";
import { samplePicture } from "./sample-picture.ts";

/** A block with an image of this size. */
export const picture = (width: number, height: number) => ({
  type: "image",
  source: { type: "base64", media_type: "image/png", data: samplePicture(width, height) },
});

let calls = 0;
type Given = { isError?: boolean; structured?: unknown; meta?: Record<string, unknown> };
/** A call and what it gave. */
export const used = (name: string, input: unknown, content: unknown, extra: Given = {}): Said[] => {
  calls += 1;
  const id = `k${calls}`;
  return [says([call(id, name, input)]), gave(id, content, extra)];
};

const CODE = `import { readFile } from "node:fs/promises";

/** Reads a configuration; throws when it is none. */
export const readConfig = async (path: string): Promise<Config> => {
  const text = await readFile(path, "utf8"); // utf8 is all we take
  return Config.parse(JSON.parse(text), { limit: 42, name: \`config \${path}\` });
};
`;
const numbered = (code: string): string =>
  code
    .split("\n")
    .map((line, index) => `${index + 1}\t${line}`)
    .join("\n");

/** Each tool that reads, writes or finds files. */
export const files = (): Said[] => [
  ...used("Read", { file_path: "/workspace/src/config.ts", offset: 1, limit: 8 }, numbered(CODE), {
    structured: {
      type: "text",
      file: { filePath: "/workspace/src/config.ts", content: CODE, numLines: 8, startLine: 1, totalLines: 120 },
    },
  }),
  ...used("Read", { file_path: "/workspace/logo.png" }, [picture(640, 360)]),
  ...used("Read", { file_path: "/workspace/manual.pdf", pages: "1-3" }, "PDF file read", {
    structured: {
      type: "parts",
      file: { filePath: "/workspace/manual.pdf", originalSize: 482_113, count: 3, outputDir: "/tmp/pages" },
    },
  }),
  ...used("Read", { file_path: "/workspace/analysis.ipynb" }, "cells", {
    structured: {
      type: "notebook",
      file: {
        filePath: "/workspace/analysis.ipynb",
        cells: [
          { cellType: "markdown", source: "## Totals", cell_id: "c1" },
          {
            cellType: "code",
            source: "total = sum(range(10))\nprint(total)",
            cell_id: "c2",
            language: "python",
            outputs: [{ text: "45\n" }],
          },
        ],
      },
    },
  }),
  ...used(
    "Write",
    { file_path: "/workspace/src/new.py", content: "def greet(name: str) -> str:\n    return f'hello {name}'\n" },
    "File created",
    {
      structured: { type: "create", filePath: "/workspace/src/new.py", structuredPatch: [], originalFile: null },
    },
  ),
  ...used(
    "MultiEdit",
    {
      file_path: "/workspace/src/config.ts",
      edits: [
        { old_string: "limit: 42", new_string: "limit: 43" },
        { old_string: "utf8", new_string: "latin1" },
      ],
    },
    "Edited",
    {
      structured: {
        structuredPatch: [
          {
            oldStart: 5,
            newStart: 5,
            lines: [
              '-  const text = await readFile(path, "utf8");',
              '+  const text = await readFile(path, "latin1");',
              "   return 1;",
            ],
          },
          {
            oldStart: 40,
            newStart: 40,
            lines: [" };", "-const old = true;", "+const now = false;", "\\ No newline at end of file"],
          },
        ],
      },
    },
  ),
  ...used(
    "Edit",
    { file_path: "/workspace/src/gone.ts", old_string: "a", new_string: "b" },
    "<tool_use_error>String to replace not found in file.</tool_use_error>",
    {
      isError: true,
    },
  ),
  ...used(
    "NotebookEdit",
    { notebook_path: "/workspace/analysis.ipynb", cell_id: "c2", new_source: "total = sum(range(100))\nprint(total)" },
    "Updated cell c2",
    {
      structured: {
        old_source: "total = sum(range(10))\nprint(total)",
        new_source: "total = sum(range(100))\nprint(total)",
        cell_type: "code",
        language: "python",
      },
    },
  ),
  ...used(
    "Grep",
    { pattern: "readConfig", output_mode: "content" },
    "src/config.ts:4:export const readConfig = async\nsrc/config.ts-5-  const text\nsrc/main.ts:10:await readConfig(readConfig)",
  ),
  ...used("Grep", { pattern: "x+", output_mode: "count" }, "src/a.ts:3\nsrc/b.ts:1\n\nFound 4 total occurrences across 2 files."),
  ...used("Glob", { pattern: "**/*.ts" }, "/workspace/src/config.ts\n/workspace/src/main.ts", {
    structured: {
      filenames: ["/workspace/src/config.ts", "/workspace/src/main.ts"],
      numFiles: 2,
      truncated: false,
      durationMs: 3,
    },
  }),
  ...used("LS", { path: "/workspace/src" }, "- /workspace/src/\n  - config.ts\n  - main.ts"),
];
