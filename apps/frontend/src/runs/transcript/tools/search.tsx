import type { ReactNode } from "react";
import { plural } from "../../../ui/format.ts";
import { textOf } from "../../entries/json.ts";
import { shortPath } from "../../entries/tool-subject.ts";
import { MoreButton } from "../more-button.tsx";
import { Result, type ToolProps } from "./result.tsx";
import { type FileMatches, occurrences, readSearch } from "./search-result.ts";

/** So many lines, or files, are shown unasked, and so many at all. */
const SHOWN = 40;
const SHOWN_MAX = 2000;

const Marked = ({ text, pattern, ignoreCase }: { text: string; pattern: string; ignoreCase: boolean }) => {
  const parts: ReactNode[] = [];
  let from = 0;
  for (const [start, end] of occurrences(text, pattern, ignoreCase)) {
    parts.push(text.slice(from, start));
    parts.push(
      <mark key={start} className="rounded-xs bg-warn-soft text-ink">
        {text.slice(start, end)}
      </mark>,
    );
    from = end;
  }
  return [...parts, text.slice(from)];
};

/** The first of them, until there are so many lines. */
const firstOf = (files: readonly FileMatches[], most: number): readonly FileMatches[] => {
  const shown: FileMatches[] = [];
  let left = most;
  for (const file of files) {
    if (left <= 0) break;
    const matches = file.matches.slice(0, left);
    shown.push({ ...file, matches });
    left -= Math.max(1, matches.length);
  }
  return shown;
};

/** What a search found, grouped by file. */
export const SearchBody = ({ entry, folds }: ToolProps) => {
  const { input, key, result } = entry;
  const found = readSearch(entry);
  if (found.kind === "words" || (found.files.length === 0 && found.notes.length === 0))
    return <Result entry={entry} folds={folds} label="What was found" />;
  const { files, notes } = found;
  const total = files.reduce((sum, { matches }) => sum + Math.max(1, matches.length), 0);
  const foldKey = `${key}:out`;
  const open = folds.isOpen(foldKey);
  const pattern = textOf(input.pattern) ?? "";
  return (
    <div className="flex flex-col gap-1">
      {files.length > 0 && (
        <ul aria-label="What was found" className="code flex flex-col gap-1 rounded-lg border border-line bg-sunken px-3 py-2">
          {firstOf(files, open ? SHOWN_MAX : SHOWN).map(({ path, matches, count }) => (
            <li key={path}>
              <p className="[overflow-wrap:anywhere]">
                {shortPath(path)}
                {count !== null && <span className="text-ink-faint"> · {count}</span>}
              </p>
              {matches.length > 0 && (
                <ul className="border-l-2 border-line pl-2">
                  {matches.map(({ line, text, isMatch }, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: what one search found never changes
                    <li key={index} className="flex">
                      <span className="nums w-9 shrink-0 sm:w-11 pr-2 text-right text-2xs leading-5 text-ink-faint select-none">
                        {line}
                      </span>
                      <span className={`min-w-0 whitespace-pre-wrap [overflow-wrap:anywhere] ${isMatch ? "" : "text-ink-faint"}`}>
                        <Marked text={text.slice(0, 1000)} pattern={isMatch ? pattern : ""} ignoreCase={input["-i"] === true} />
                      </span>
                    </li>
                  ))}
                </ul>
              )}
            </li>
          ))}
        </ul>
      )}
      {total > SHOWN && <MoreButton foldKey={foldKey} folds={folds} all={`Show all ${plural(total, "line")}`} />}
      {open && total > SHOWN_MAX && (
        <p className="text-xs text-ink-faint">The first {SHOWN_MAX.toLocaleString("en")} are shown.</p>
      )}
      {notes.length > 0 && result !== null && (
        <p className="text-xs text-ink-faint [overflow-wrap:anywhere]">{notes.join(" ")}</p>
      )}
    </div>
  );
};

/** How much a search found, in few words; null when that is not known. */
export const foundWords = (entry: ToolProps["entry"]): string | null => {
  const found = readSearch(entry);
  if (found.kind === "words") return null;
  const matches = found.files.reduce(
    (sum, file) => sum + (file.count ?? file.matches.filter(({ isMatch }) => isMatch).length),
    0,
  );
  const files = plural(found.files.length, "file");
  return matches === 0 ? files : `${plural(matches, "match", "matches")} in ${files}`;
};
