import { commandOf, parseChecks, Step } from "./step.ts";
import type { ParameterValues, TaskParameter } from "./task-parameters.ts";

/*
 * The places of parameters in the text of steps.
 *
 * - `{{name}}` is a place if the task declares a parameter of that name, and text if not: a task without parameters stays as it is.
 * - After a dollar sign it is text always: `${{ name }}` belongs to others. `\{{name}}` is written `{{name}}`.
 * - A value is put in once: places in it are text.
 * - In a command of the checks a value is one word, whatever it holds: it is quoted for bash. A place may stand between the quotes of the command, which
 *   are then closed before it and opened again after it. Where a place stands behind something within which quotes have another meaning (see
 *   `NOT_QUOTABLE`), it is refused.
 * - A value never makes a command: which lines of the checks are commands is decided by the text of the task, and a value with line breaks stays in its line.
 */

type Piece = { kind: "text"; text: string } | { kind: "place"; name: string };

const PLACE = /([\\$]?)\{\{[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*\}\}/g;

/** A text as pieces, between which no two texts follow each other. */
const piecesOf = (text: string, names: ReadonlySet<string>): Piece[] => {
  const pieces: Piece[] = [];
  const add = (more: string): void => {
    const last = pieces.at(-1);
    if (last?.kind === "text") last.text += more;
    else if (more !== "") pieces.push({ kind: "text", text: more });
  };
  let end = 0;
  for (const match of text.matchAll(PLACE)) {
    const [all, before = "", name = ""] = match;
    if (!names.has(name)) continue;
    add(text.slice(end, match.index));
    end = match.index + all.length;
    if (before === "\\") add(all.slice(1));
    else if (before === "$") add(all);
    else pieces.push({ kind: "place", name });
  }
  add(text.slice(end));
  return pieces;
};

/** The names that stand in a text as places do, each once, in order: those of parameters, and those that may be meant as such. Pure. */
export const namesIn = (text: string): string[] => [
  ...new Set([...text.matchAll(PLACE)].flatMap(([, before, name]) => (before === "" && name !== undefined ? [name] : []))),
];

const fillText = (text: string, values: ReadonlyMap<string, string>): string =>
  piecesOf(text, new Set(values.keys()))
    .map((piece) => (piece.kind === "text" ? piece.text : (values.get(piece.name) ?? "")))
    .join("");

// What ends a line, here or in what reads the command later, is written in bash's own escapes. So are the other control characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const TO_ESCAPE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

const escaped = (character: string): string => {
  if (character === "\\" || character === "'") return `\\${character}`;
  if (character === "\n") return "\\n";
  if (!TO_ESCAPE.test(character)) return character;
  return [...new TextEncoder().encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
};

/** A text as one word of a bash command, in one line. Pure. */
export const quoteForBash = (text: string): string =>
  TO_ESCAPE.test(text) ? `$'${[...text].map(escaped).join("")}'` : `'${text.replaceAll("'", "'\\''")}'`;

type Quotes = "" | "'" | '"';

/** Within what follows these, outside of quotes, bash reads quotes in another way, or works out what stands there as more than a word. */
const NOT_QUOTABLE = /^(?:`|\$\{|\$\[|\$\(\(|\$'|\$"|\(\(|\[\[|<<(?!<))/;
/** The same between double quotes. */
const NOT_QUOTABLE_WITHIN = /^(?:`|\$[({[])/;

/** How the quotes stand after a piece of a command; the sign after which they cannot be told any more, if there is one. */
const walk = (text: string, start: Quotes): { quotes: Quotes } | { sign: string } => {
  let quotes = start;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quotes === "'") {
      if (character === "'") quotes = "";
      continue;
    }
    if (character === "\\") {
      at += 1;
      continue;
    }
    const [sign] = (quotes === "" ? NOT_QUOTABLE : NOT_QUOTABLE_WITHIN).exec(text.slice(at, at + 3)) ?? [];
    if (sign !== undefined) return { sign };
    // The index of an array is worked out too.
    if (quotes === "" && character === "[" && /\w/.test(text.charAt(at - 1))) return { sign: "[" };
    if (quotes === "" && text.startsWith("<<<", at)) at += 2;
    else if (character === '"') quotes = quotes === "" ? '"' : "";
    else if (character === "'" && quotes === "") quotes = "'";
  }
  return { quotes };
};

type Filled = { ok: true; text: string } | { ok: false; message: string };

const fillCommand = (command: string, values: ReadonlyMap<string, string>): Filled => {
  let quotes: Quotes = "";
  let sign: string | null = null;
  let filled = "";
  for (const piece of piecesOf(command, new Set(values.keys()))) {
    if (piece.kind === "text") {
      filled += piece.text;
      if (sign !== null) continue;
      const next = walk(piece.text, quotes);
      if ("sign" in next) sign = next.sign;
      else quotes = next.quotes;
    } else if (sign !== null) {
      return {
        ok: false,
        message: `{{${piece.name}}} stands behind '${sign}' in a command, where its value cannot be quoted safely: put it before that, or begin the line with a variable: $ VALUE={{${piece.name}}}; … "$VALUE"`,
      };
    } else filled += `${quotes}${quoteForBash(values.get(piece.name) ?? "")}${quotes}`;
  }
  return { ok: true, text: filled };
};

/** A line of prose stays one, whatever a value brings into it. */
const fillProse = (line: string, values: ReadonlyMap<string, string>): string =>
  fillText(line, values)
    .split(/\r?\n/)
    .map((each) => (commandOf(each) === null ? each : ` ${each}`))
    .join("\n");

const fillChecks = (checks: string, values: ReadonlyMap<string, string>): Filled => {
  // Nothing is put in: the text stays as it came, byte for byte.
  const [first, ...others] = piecesOf(checks, new Set(values.keys()));
  if (first === undefined || (others.length === 0 && first.kind === "text" && first.text === checks))
    return { ok: true, text: checks };
  const lines: string[] = [];
  for (const line of checks.split(/\r?\n/)) {
    const command = commandOf(line);
    if (command === null) {
      lines.push(fillProse(line, values));
      continue;
    }
    const filled = fillCommand(command, values);
    if (!filled.ok) return filled;
    lines.push(`$ ${filled.text}`);
  }
  const text = lines.join("\n");
  return parseChecks(text).commands.length === parseChecks(checks).commands.length
    ? { ok: true, text }
    : { ok: false, message: "its values would make other commands of it" };
};

/** What is wrong with a step, by the path of the field among `steps`. */
export type StepProblem = { path: [number, "instructions" | "checks"]; message: string };

/** The steps with the values put into their places, or what is wrong with what comes of it. Pure. */
export const fillSteps = (
  steps: readonly Step[],
  values: ParameterValues,
): { ok: true; steps: Step[] } | { ok: false; problems: StepProblem[] } => {
  const known = new Map(Object.entries(values));
  const problems: StepProblem[] = [];
  const filled = steps.map((step, index): Step => {
    const checks = fillChecks(step.checks, known);
    if (!checks.ok) problems.push({ path: [index, "checks"], message: checks.message });
    const next = { instructions: fillText(step.instructions, known), checks: checks.ok ? checks.text : "" };
    // What was stored without parameters is as it was, whatever a newer version of this program takes.
    for (const { path, message } of known.size === 0 ? [] : (Step.safeParse(next).error?.issues ?? []))
      problems.push({ path: [index, path[0] === "checks" ? "checks" : "instructions"], message });
    return next;
  });
  return problems.length === 0 ? { ok: true, steps: filled } : { ok: false, problems };
};

/** What is wrong with the places of parameters, whatever their values will be. Pure. */
export const placeProblems = (
  steps: readonly Pick<Step, "checks">[],
  parameters: readonly Pick<TaskParameter, "name">[],
): StepProblem[] => {
  const anything = new Map(parameters.map(({ name }) => [name, "x"]));
  return steps.flatMap(({ checks }, index): StepProblem[] => {
    const filled = fillChecks(checks, anything);
    return filled.ok ? [] : [{ path: [index, "checks"], message: filled.message }];
  });
};
