import { expect, test } from "vitest";
import { GRAMMARS } from "./grammars.ts";
import { unpack } from "./highlight.ts";
import { type Language, languageNamed, languageOfPath } from "./languages.ts";
import { tokenize } from "./tokenize.ts";

const SAMPLES: Partial<Record<Language, string>> = {
  typescript: `// why\r\nexport const answer = (name: string): number => "a".length + 42;\n`,
  python: "def greet(name):\n    # hi\n    return f'hello {name}' * 3\n",
  shellscript: 'FOO=1 git commit -m "it\'s $FOO" | head -5 # done\n',
  json: '{ "name": "x", "count": 3, "ok": true }',
};

const piecesOf = async (language: Language) => {
  const code = SAMPLES[language] ?? "";
  const lines = unpack(code, await tokenize(code, language));
  expect(lines?.map((line) => line.map(({ text }) => text).join("")).join("\n")).toBe(code.replaceAll("\r", ""));
  return (lines ?? []).flat().map(({ text, kind }) => `${kind}:${text.trim()}`);
};

test("tells comments, keywords, strings, numbers and names apart, and gives back every character", async () => {
  const typescript = await piecesOf("typescript");
  expect(typescript).toEqual(expect.arrayContaining(["comment:// why", "keyword:export const", "number:42", "type:string"]));
  expect(await piecesOf("python")).toEqual(expect.arrayContaining(["keyword:def", "function:greet", "comment:# hi"]));
  expect(await piecesOf("shellscript")).toEqual(expect.arrayContaining(["comment:# done", "function:git"]));
  expect(await piecesOf("json")).toEqual(expect.arrayContaining(['tag:"name"', "number:3"]));
});

test("every grammar can be fetched and used without WebAssembly", async () => {
  const broken: string[] = [];
  for (const language of Object.keys(GRAMMARS)) {
    const known = languageNamed(language);
    const lines = known === null ? null : await tokenize('a = 1\n"b" -- c\n', known).catch(() => null);
    if (lines?.length !== 3) broken.push(language);
  }
  expect(broken).toEqual([]);
});

test("leaves a line of megabytes plain instead of standing still", async () => {
  const line = `const x = "${"(a|b".repeat(200_000)}";`;
  const packed = await tokenize(`let a = 1;\n${line}`, "typescript");
  expect(packed[1]).toEqual([line.length, 0]);
});

test("does not draw pieces that do not fit the text", () => {
  expect(unpack("a\nb", [[1, 0]])).toBeNull();
  expect(unpack("abc", [[1, 2]])).toEqual([
    [
      { text: "a", kind: "keyword" },
      { text: "bc", kind: "plain" },
    ],
  ]);
  expect(unpack("abc", [[9, 99]])).toEqual([[{ text: "abc", kind: "plain" }]]);
});

test.each([
  ["/workspace/src/app.tsx", "tsx"],
  ["Makefile", "make"],
  ["Dockerfile.prod", "docker"],
  [".env.local", "dotenv"],
  ["a/b/CMakeLists.txt", "cmake"],
  ["tsconfig.base.json", "jsonc"],
  ["LICENSE", null],
  ["a.constructor", null],
  ["notes.unknown", null],
  ["", null],
])("knows the language of %s", (path, language) => {
  expect(languageOfPath(path)).toBe(language);
});

test.each([
  ["ts", "typescript"],
  ['TypeScript title="x.ts"', "typescript"],
  ["bash", "shellscript"],
  ["js{1,3}", "javascript"],
  ["__proto__", null],
  ["", null],
])("knows the language that a fence calls %s", (name, language) => {
  expect(languageNamed(name)).toBe(language);
});
