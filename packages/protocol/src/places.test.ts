// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are commands of bash, and places
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { fillSteps, namesIn, placeProblems, quoteForBash } from "./places.ts";
import { parseChecks } from "./step.ts";

const run = promisify(execFile);

const fill = (text: { instructions?: string; checks?: string }, values: Record<string, string>) => {
  const filled = fillSteps([{ instructions: "x", checks: "", ...text }], values);
  if (!filled.ok) throw new Error(filled.problems.map(({ message }) => message).join("; "));
  const [step] = filled.steps;
  if (step === undefined) throw new Error("no step");
  return step;
};
const told = (instructions: string, values: Record<string, string>): string => fill({ instructions }, values).instructions;
const checked = (checks: string, values: Record<string, string>): string => fill({ checks }, values).checks;

describe("places in instructions", () => {
  test("are those of parameters that are declared, with or without blanks, as often as they stand there", () => {
    expect(told("Bump {{pkg}} to {{ to }}: {{pkg}}@{{to}}.", { pkg: "left-pad", to: "2" })).toBe(
      "Bump left-pad to 2: left-pad@2.",
    );
  });

  test.each([
    ["what is not declared", "Use {{other}} and {{ }} and {{a b}} and {{{{."],
    ["an expression of GitHub Actions, also with a parameter's name", "if: ${{ to }} && ${{ github.ref }}"],
    ["a name in one pair of braces", "{to}"],
    ["a name over two lines", "{{\nto}}"],
  ])("leave alone %s", (_, text) => {
    expect(told(text, { to: "2" })).toBe(text);
  });

  test("are written as text after a backslash, which stays where no place would be", () => {
    expect(told("Write \\{{to}}, \\{{ to }} and \\{{other}}; then {{to}}.", { to: "2" })).toBe(
      "Write {{to}}, {{ to }} and \\{{other}}; then 2.",
    );
    expect(told("$\\{{to}}", { to: "2" })).toBe("${{to}}");
  });

  test("take a value once: what looks like a place in it is text, and so is what looks like a pattern", () => {
    expect(told("{{a}} {{b}}", { a: "{{b}}", b: "$& $1 $$ \\{{a}}" })).toBe("{{b}} $& $1 $$ \\{{a}}");
  });

  test("change nothing in a task without parameters", () => {
    const text = { instructions: "\\{{x}} {{x}} ${{ x }}\r\n", checks: "$ echo '{{x}}' \\{{x}}\r\n  prose\r\n" };
    expect(fill(text, {})).toEqual(text);
    expect(checked(text.checks, { y: "1" })).toBe(text.checks);
  });
});

describe("values in prose of checks", () => {
  test.each([
    ["a line that would be a command", "ok\n$ touch pwned", "The title is ok\n $ touch pwned."],
    ["the same after a carriage return", "ok\r\n$ touch pwned", "The title is ok\n $ touch pwned."],
  ])("keep %s from being one", (_, value, expected) => {
    expect(checked("The title is {{t}}.", { t: value })).toBe(expected);
    expect(parseChecks(checked("The title is {{t}}.", { t: value })).commands).toEqual([]);
  });

  test("do not make a command of the line that they begin", () => {
    expect(parseChecks(checked("{{t}}", { t: "$ touch pwned" })).commands).toEqual([]);
    expect(parseChecks(checked("{{a}}{{b}}", { a: "$", b: " touch pwned" })).commands).toEqual([]);
  });
});

const HOSTILE = [
  "plain",
  "",
  " two  words ",
  "it's",
  "'",
  "''; touch pwned; '",
  '"; touch pwned; "',
  "$(touch pwned)",
  "`touch pwned`",
  "${IFS}$(touch pwned)",
  "; touch pwned",
  "| touch pwned",
  "&& touch pwned &",
  "> pwned",
  "a\n$ touch pwned",
  "a\r\n$ touch pwned\r",
  "a\u2028$ touch pwned\u2029",
  "\\",
  "\\'; touch pwned; \\'",
  "'\n; touch pwned; '",
  "~ * ? [a-z] {a,b} !! #",
  "# comment",
  "-rf",
  "\t\u0001\u007f\u0085",
  "ünï 🎉 'quoted'\n\"twice\"",
  "a[$(touch pwned)]",
  "$'\\x41'",
];

// Each prints its arguments, one after the other, ended by a NUL; where the value stands among them is told by the second.
const TEMPLATES: [string, (value: string) => string][] = [
  ["{{v}}", (v) => v],
  ["a{{v}}b", (v) => `a${v}b`],
  ['"{{v}}"', (v) => v],
  ['"a {{v}} b"', (v) => `a ${v} b`],
  ["'{{v}}'", (v) => v],
  ["'a {{v}} b'", (v) => `a ${v} b`],
  [`"it's {{v}}"`, (v) => `it's ${v}`],
  [`'say "{{v}}"'`, (v) => `say "${v}"`],
  [`"say \\"{{v}}\\""`, (v) => `say "${v}"`],
  [`\\"{{v}}`, (v) => `"${v}`],
  ["x'y'\"z\"{{v}}", (v) => `xyz${v}`],
  ["--name={{v}}", (v) => `--name=${v}`],
  ["{{v}}{{v}}", (v) => `${v}${v}`],
];

describe("values in commands of checks", () => {
  /** What a command prints for each value, as words; all of them in one bash, each in its own line. */
  const printed = async (template: string, cwd: string): Promise<string[][]> => {
    const commands = HOSTILE.map((value) => {
      const parsed = parseChecks(checked(`$ ${template}`, { v: value }));
      expect(parsed).toEqual({ commands: [expect.any(String)], prose: "" });
      return parsed.commands[0] ?? "";
    });
    const script = commands.map((command) => `${command}; printf '\\0\\0'`).join("\n");
    // SHLVL: else bash takes the pipe for a network connection and reads somebody's profile.
    const env = { PATH: process.env.PATH, LC_ALL: "C.UTF-8", SHLVL: "1" };
    const { stdout } = await run("bash", ["-c", script], { cwd, env });
    const parts = stdout.split("\0\0\0");
    return parts.slice(0, -1).map((part) => part.split("\0"));
  };

  const inFolder = async (act: (folder: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), "places-"));
    try {
      await act(folder);
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  test.each(TEMPLATES)("are one word for bash in %s, whatever they hold", (word, expected) =>
    inFolder(async (folder) => {
      const words = await printed(`printf '%s\\0' ${word} end`, folder);
      expect(words).toEqual(HOSTILE.map((value) => [expected(value), "end"]));
    }),
  );

  test.each([
    "(cd . && printf '%s\\0' {{v}} end)",
    "true $(printf '%s' x) && printf '%s\\0' {{v}} end",
    "A={{v}}; printf '%s\\0' \"$A\" end",
    'A={{v}} bash -c \'printf "%s\\0" "$A" end\'',
    "cat <<< {{v}} > /dev/null; printf '%s\\0' {{v}} end",
    "if true; then printf '%s\\0' {{v}} end; fi",
    "diff <(printf '%s' {{v}}) <(printf '%s' {{v}}) && printf '%s\\0' {{v}} end",
    "a=(x {{v}}); printf '%s\\0' \"${a[1]}\" end",
  ])("are one word in %s", (command) =>
    inFolder(async (folder) => {
      expect(await printed(command, folder)).toEqual(HOSTILE.map((value) => [value, "end"]));
    }),
  );

  test.each([
    ['test "$(cat {{v}})" = x', "$("],
    ['test "$(cat v)" = {{v}}', "$("],
    ["echo `cat {{v}}`", "`"],
    ['echo "`cat {{v}}`"', "`"],
    ["echo ${x:-{{v}}}", "${"],
    ['echo "${x:-{{v}}}"', "${"],
    ["echo $(({{v}} + 1))", "$(("],
    ["(( {{v}} > 1 ))", "(("],
    ["[[ {{v}} -eq 1 ]]", "[["],
    ["a[{{v}}]=1", "["],
    ["echo $'{{v}}'", "$'"],
    ['echo $"{{v}}"', '$"'],
    ["cat <<{{v}}", "<<"],
    ["echo $[{{v}}]", "$["],
  ])("are refused in %s, where quotes mean something else", (command, sign) => {
    const steps = [{ instructions: "x", checks: `prose\n$ ${command}` }];
    expect(placeProblems(steps, [{ name: "v" }])).toEqual([
      { path: [0, "checks"], message: expect.stringContaining(`{{v}} stands behind '${sign}' in a command`) },
    ]);
    expect(fillSteps(steps, { v: "harmless" }).ok).toBe(false);
    expect(placeProblems(steps, [])).toEqual([]);
  });

  test("leave alone an expression that is not theirs", () => {
    expect(checked("$ echo '${{ v }}' {{v}}", { v: "1" })).toBe("$ echo '${{ v }}' '1'");
  });
});

test("a text that grows too long, or to nothing, is told by its step", () => {
  expect(fillSteps([{ instructions: "{{v}}", checks: "" }], { v: " " })).toMatchObject({
    problems: [{ path: [0, "instructions"], message: expect.stringContaining("empty") }],
  });
  expect(fillSteps([{ instructions: "x", checks: "$ {{v}}" }], { v: "x".repeat(70_000) })).toMatchObject({
    problems: [{ path: [0, "checks"], message: expect.stringContaining("64 KiB") }],
  });
});

test("names are found once each, but not those that belong to others", () => {
  expect(namesIn("{{a}} {{ b }} {{a}} ${{ c }} \\{{d}} {{1}} {{e-f}}")).toEqual(["a", "b", "e-f"]);
});

test("a word for bash is in one line", () => {
  expect(quoteForBash("a'b")).toBe("'a'\\''b'");
  expect(quoteForBash("a\n'\\\u2028")).toBe("$'a\\n\\'\\\\\\xe2\\x80\\xa8'");
});
