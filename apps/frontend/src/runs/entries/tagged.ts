/** What Claude Code writes into the conversation in tags of its own, for itself. */
export type Tagged =
  | { kind: "command"; name: string; args: string }
  | { kind: "output"; text: string; isError: boolean }
  | { kind: "notification"; text: string };

const inTag = (text: string, tag: string): string | null => {
  const match = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(text);
  return match?.[1] ?? null;
};

/** Reads a text that consists of such tags; null: it is a text like any other. */
export const readTagged = (text: string): Tagged | null => {
  const trimmed = text.trim();
  if (!/^<(command-|local-command-|bash-|task-notification)/.test(trimmed)) return null;
  const name = inTag(trimmed, "command-name");
  if (name !== null) return { kind: "command", name: name.trim(), args: inTag(trimmed, "command-args")?.trim() ?? "" };
  const typed = inTag(trimmed, "bash-input");
  if (typed !== null) return { kind: "command", name: "!", args: typed.trim() };
  const printed = inTag(trimmed, "local-command-stdout") ?? inTag(trimmed, "bash-stdout");
  const complained = inTag(trimmed, "local-command-stderr") ?? inTag(trimmed, "bash-stderr");
  if (printed !== null || complained !== null) {
    const parts = [printed ?? "", complained ?? ""].map((part) => part.trim()).filter((part) => part !== "");
    return { kind: "output", text: parts.join("\n"), isError: (printed ?? "").trim() === "" && (complained ?? "").trim() !== "" };
  }
  if (trimmed.startsWith("<task-notification>")) {
    const summary = inTag(trimmed, "summary")?.trim() ?? "";
    const result = inTag(trimmed, "result")?.trim() ?? "";
    const said = [summary, result].filter((part) => part !== "").join("\n\n");
    return said === "" ? null : { kind: "notification", text: said };
  }
  return null;
};
