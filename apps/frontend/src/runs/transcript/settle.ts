/** A line that may yet become anything: the beginning of a fence, a rule, a heading, a list, the underline of a heading. */
const UNDECIDED = /^\s*(?:[-=*_#>+|~`:]+|\d{1,9}[.)]?)\s*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/** Whether a text ends inside of a code block, and how that was opened. */
const openFence = (lines: readonly string[]): string | null => {
  let open: string | null = null;
  for (const line of lines) {
    const [, fence = "", rest = ""] = FENCE.exec(line) ?? [];
    if (fence === "") continue;
    if (open === null) open = fence;
    else if (fence.startsWith(open) && rest.trim() === "") open = null;
  }
  return open;
};

const MARKS = ["**", "__", "~~", "`", "*", "_"] as const;

/** What closes the marks that are open at the end of a paragraph, innermost first. */
const closing = (paragraph: string): string => {
  const open: string[] = [];
  for (let index = 0; index < paragraph.length; ) {
    if (paragraph[index] === "\\") {
      index += 2;
      continue;
    }
    const mark = MARKS.find((each) => paragraph.startsWith(each, index));
    if (mark === undefined || (open.at(-1) === "`" && mark !== "`")) {
      index += 1;
      continue;
    }
    const before = paragraph[index - 1] ?? " ";
    const after = paragraph[index + mark.length] ?? "";
    if (open.at(-1) === mark) open.pop();
    // An opening mark stands before a word; `snake_case`, `2 * 3` and bullets open nothing.
    else if (mark === "`" || (/\S/.test(after) && !/[\p{L}\p{N}]/u.test(before))) open.push(mark);
    index += mark.length;
  }
  return open.reverse().join("");
};

/**
 * A markdown text that is still being written, so that what is drawn of it does not jump: marks that are not closed yet are closed,
 * half an address is left out, and so is a last line that does not tell yet what it will be. Pure.
 */
export const settleMarkdown = (text: string): string => {
  const lines = text.split("\n");
  const last = lines.at(-1) ?? "";
  const fence = openFence(lines.slice(0, -1));
  if (fence !== null) return /^\s*[`~]{1,2}$/.test(last) ? lines.slice(0, -1).join("\n") : text;
  if (FENCE.test(last)) return text;
  if (UNDECIDED.test(last)) return lines.slice(0, -1).join("\n");
  const start = text.lastIndexOf("\n\n") + 1;
  const paragraph = text
    .slice(start)
    // `![alt](http://exam`, `[text](http://exam`, `[text`: the words alone.
    .replace(/!?\[([^\]\n]*)\](?:\([^)\n]*)?$/, (all, words: string) => (all.endsWith("]") && !all.startsWith("!") ? all : words))
    .replace(/!?\[([^\]\n]*)$/, "$1")
    // A mark without anything behind it is left out.
    .replace(/(^|\s)(?:\*{1,3}|_{1,3}|~~|`)$/, "$1");
  return text.slice(0, start) + paragraph + closing(paragraph.trimEnd());
};
