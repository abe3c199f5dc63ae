import type { Entry } from "./entry.ts";
import { isRecord } from "./json.ts";

const stringsIn = (value: unknown, into: string[]): void => {
  if (typeof value === "string") into.push(value);
  else if (typeof value === "number" || typeof value === "boolean") into.push(String(value));
  else if (Array.isArray(value)) for (const item of value) stringsIn(item, into);
  else if (isRecord(value)) for (const item of Object.values(value)) stringsIn(item, into);
};

const inside = (...values: readonly unknown[]): readonly string[] => {
  const strings: string[] = [];
  for (const value of values) stringsIn(value, strings);
  return strings;
};

/** What one can read in an entry, open or not, without what stands inside of it. */
export const textsOf = (entry: Entry): readonly string[] => {
  switch (entry.kind) {
    case "text":
    case "thinking":
    case "prompt":
    case "note":
    case "said":
      return [entry.text];
    case "notice":
      return [entry.text, entry.more ?? ""];
    case "tool":
      return [
        entry.name,
        ...inside(entry.input),
        entry.result?.text ?? "",
        entry.progress ?? "",
        entry.denied ?? "",
        entry.task?.report ?? "",
      ];
    case "stage":
      return [entry.text, ...entry.lines, entry.output];
    case "check":
      return [entry.command, entry.result?.output ?? ""];
    case "judge":
      return [entry.text, entry.end?.verdict?.evidence ?? "", entry.end?.problem ?? ""];
    case "result":
      return entry.errors;
    case "init":
      return inside(entry.model, entry.version, entry.cwd, entry.tools);
    case "retry":
      return [entry.error];
    case "compact":
      return [entry.summary ?? "", entry.error ?? ""];
    case "hook":
      return [entry.name, entry.event, entry.output];
    case "command":
      return [entry.name, entry.args, entry.output ?? ""];
    case "rate_limit":
      return [entry.limit];
    case "signals":
      return entry.texts;
    case "retracted":
      return textsOf(entry.was);
    case "question":
      return inside(entry.question.input, entry.question.description, entry.answer?.text);
    case "interrupted":
      return [];
    case "configured":
      return inside(entry.model, entry.permissionMode);
    case "step":
      return [`Step ${entry.stepIndex + 1}`, entry.instructions];
    case "step_end":
      return [];
    case "outcome":
      return inside(entry.outcome);
    case "refused":
      return inside(entry.record);
    case "host_allowed":
      return [`${entry.host}:${entry.port}`];
    case "status":
      return [entry.sentence];
    case "unknown":
      return [entry.label, ...inside(entry.bodies)];
  }
};

/** What is copied of an entry: a call with its input and what it gave, everything else as it is read. */
export const copyOf = (entry: Entry): string => {
  if (entry.kind === "tool") {
    const { command } = entry.input;
    const asked = typeof command === "string" ? `$ ${command}` : `${entry.name} ${JSON.stringify(entry.input, null, 2)}`;
    return entry.result === null ? asked : `${asked}\n${entry.result.text}`;
  }
  if (entry.kind === "check") return [`$ ${entry.command}`, entry.result?.output ?? ""].join("\n").trimEnd();
  return textsOf(entry)
    .filter((text) => text !== "")
    .join("\n");
};
