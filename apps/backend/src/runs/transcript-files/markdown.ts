import type { Part, TranscriptRun } from "./parts.ts";

/** One line in which nothing is Markdown or HTML. */
const plain = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\\`*_{}[\]()#+!|~-]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");

/** A fence that nothing inside ends. */
const fenced = (text: string): string => {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}text\n${text.replace(/\r\n?/g, "\n")}\n${fence}`;
};

/** Tags are none, but in code, where nothing is one anyway. */
const withoutTags = (text: string): string => {
  let isCode = false;
  return text
    .split("\n")
    .map((line) => {
      if (/^\s{0,3}(```|~~~)/.test(line)) isCode = !isCode;
      if (isCode) return line;
      return line
        .split(/(`+[^`]*`+)/)
        .map((piece, index) => (index % 2 === 1 ? piece : piece.replace(/<(?=[a-z/!?])/gi, "&lt;")))
        .join("");
    })
    .join("\n");
};

/** Markdown of somebody else: it stays within its quote. */
const quoted = (text: string): string =>
  withoutTags(text.replace(/\r\n?/g, "\n"))
    .split("\n")
    .map((line) => `> ${line}`.trimEnd())
    .join("\n");

/** What stands before the first part. */
export const markdownHead = (run: TranscriptRun): string =>
  `# ${plain(run.taskName)}\n\nRun ${run.id} on ${plain(run.repository)}, launched ${run.createdAt}.\n${run.sentence === null ? "" : `\n${plain(run.sentence)}\n`}`;

const body = (part: Part): string => {
  switch (part.kind) {
    case "heading":
      return `## ${plain(part.text)}`;
    case "line":
      return `${part.isError ? "**!** " : ""}${plain(part.text)}`;
    case "said":
      return `**${plain(part.who)}**\n\n${quoted(part.text)}`;
    case "thought":
      return `*Thinking*\n\n${quoted(part.text)}`;
    case "block":
      return `**${plain(part.title)}**\n\n${fenced(part.text)}`;
  }
};

/** A part as Markdown: whatever it says, it cannot look like another part. */
export const markdownOf = (part: Part): string => `\n${part.isInside ? "*Subagent:* " : ""}${body(part)}\n`;
