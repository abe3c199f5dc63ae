import { commandOf, parseChecks } from "@ccr/protocol";

/** What a line of the checks is; `almost`: prose that was probably meant as a command. */
export type CheckLine = { kind: "command" | "prose" | "almost" | "empty"; text: string };

/** The lines of a step's checks, as the server takes them. Pure. */
export const linesOfChecks = (checks: string): CheckLine[] =>
  checks.split("\n").map((text) => {
    const line = text.replace(/\r$/, "");
    if (commandOf(line) !== null) return { kind: "command", text };
    if (line.trim() === "") return { kind: "empty", text };
    return { kind: isAlmostCommand(line) ? "almost" : "prose", text };
  });

// A dollar sign that begins a sentence is followed by an amount, and by a name only in code.
const isAlmostCommand = (line: string): boolean =>
  /^\s*[$＄]\s*[^\s\d]/.test(line) || /^\s*(?:>|#|%)\s+(?:npm|npx|node|make|git|cargo|go|python3?|pytest)\b/.test(line);

/** Why a line, without the blanks around it, is no command. Pure. */
export const adviceFor = (line: string): string => {
  if (/^\$ /.test(line)) return "There is something before its dollar sign.";
  if (/^\$\S/.test(line)) return "There is no space after its dollar sign.";
  return "A command begins its line with a dollar sign and one space.";
};

/** The line as the command that was probably meant. Pure. */
export const asCommand = (line: string): string => `$ ${line.replace(/^\s*[$＄>#%]\s*/, "")}`;

export type ChecksExplained = {
  commands: readonly string[];
  prose: string;
  /** Lines of prose that were probably meant as commands. */
  almostCommands: readonly string[];
  /** Commands that probably do not do what is meant, each with why. */
  doubts: readonly { command: string; why: string }[];
};

const DOUBTS: readonly { sign: RegExp; why: string }[] = [
  {
    sign: /^cd\s+\S+$/,
    why: "each command has a shell of its own, so the next one is not in this folder: write both in one line, with && between",
  },
  {
    sign: /^(?:export\s+)?[A-Za-z_]\w*=\S*$/,
    why: "each command has a shell of its own, so the next one does not have this variable: write both in one line",
  },
  { sign: /\|\|\s*true\s*$/, why: "it passes whatever happens" },
  { sign: /\\$/, why: "a command is one line: what follows is not a part of it" },
  {
    sign: /(?:^|\s)--watch(?:All)?(?:\s|$)/,
    why: "it waits for changes and does not end, until the limit on the time of one check",
  },
  { sign: /^sudo\s/, why: "checks run as a plain user, and there is nobody to give a password" },
];

/** What the server makes of a step's checks, and which lines may not be what the person meant. Pure. */
export const explainChecks = (checks: string): ChecksExplained => {
  const { commands, prose } = parseChecks(checks);
  return {
    commands,
    prose,
    almostCommands: linesOfChecks(checks).flatMap(({ kind, text }) => (kind === "almost" ? [text.trim()] : [])),
    doubts: commands.flatMap((command) => {
      const doubt = DOUBTS.find(({ sign }) => sign.test(command));
      return doubt === undefined ? [] : [{ command, why: doubt.why }];
    }),
  };
};
