import { ChevronDown, ChevronUp, X } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";

/** Asks for what to look for, tells how often it was found, and leads from one to the next. `place` counts from 1; 0: none yet. */
export const FindBar = ({
  query,
  onQuery,
  count,
  place,
  isSearching,
  isPart,
  onStep,
  onClose,
  focusedAt,
}: {
  query: string;
  onQuery: (query: string) => void;
  count: number;
  place: number;
  isSearching: boolean;
  /** Earlier messages are still being read. */
  isPart: boolean;
  onStep: (by: 1 | -1) => void;
  onClose: () => void;
  /** Changes each time when the field is to be gone to. */
  focusedAt: number;
}) => {
  const field = useRef<HTMLInputElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asking again is what leads to the field
  useEffect(() => field.current?.select(), [focusedAt]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onClose();
    else if (event.key === "Enter") onStep(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const isMissing = query.trim() !== "" && count === 0 && !isSearching;
  const said = (): string => {
    if (query.trim() === "") return "";
    if (isSearching) return "Searching";
    const part = isPart ? " so far" : "";
    if (count === 0) return `Not found${part}`;
    return `${place === 0 ? "" : `${place.toLocaleString("en")} of `}${count.toLocaleString("en")}${part}`;
  };
  return (
    <search className="flex min-w-0 flex-1 items-center gap-1">
      <input
        ref={field}
        type="search"
        aria-label="Find in the transcript"
        placeholder="Find"
        value={query}
        maxLength={500}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={onKeyDown}
        className={classes(
          "h-7 min-w-0 flex-1 rounded-md border bg-surface px-2 text-sm sm:max-w-72 [&::-webkit-search-cancel-button]:hidden",
          isMissing ? "border-bad" : "border-line-strong",
        )}
      />
      <output className={classes("nums min-w-18 text-xs whitespace-nowrap", isMissing ? "text-bad" : "text-ink-soft")}>
        {said()}
      </output>
      <IconButton label="Previous match" disabled={count === 0} onClick={() => onStep(-1)}>
        <ChevronUp aria-hidden className="size-4" />
      </IconButton>
      <IconButton label="Next match" disabled={count === 0} onClick={() => onStep(1)}>
        <ChevronDown aria-hidden className="size-4" />
      </IconButton>
      <IconButton label="Close the search" onClick={onClose}>
        <X aria-hidden className="size-3.5" />
      </IconButton>
    </search>
  );
};
