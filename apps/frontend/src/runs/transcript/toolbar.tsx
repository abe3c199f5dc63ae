import { ArrowDown, ArrowUp, CircleAlert, Ellipsis, Search } from "lucide-react";
import { type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { QuietPart } from "../../ui/boundary.tsx";
import { IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { plural } from "../../ui/format.ts";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { useBeforehand } from "../../ui/use-settled.ts";
import { CHOICE_NAMES, CHOICES, type Choice } from "../entries/choices.ts";
import type { Entry } from "../entries/entry.ts";
import { noTally, tally } from "../entries/trouble.ts";

const Menu = lazyPart(() => import("./menu.tsx").then(({ TranscriptMenu }) => TranscriptMenu));
const fetchMenu = (): void => {
  // What cannot be had now is fetched when it is opened.
  Menu.preload().catch(() => {});
};

/** Opens the menu, which is not there before it is wanted. */
const MenuButton = ({ runId, onAll }: { runId: string; onAll: (open: boolean) => void }) => {
  const [isWanted, setIsWanted] = useState(false);
  const toasts = useToasts();
  const failed = (error: unknown): void => {
    setIsWanted(false);
    toasts.error(error);
  };
  useBeforehand(fetchMenu);
  const dots = <Ellipsis aria-hidden className="size-4" />;
  const button = (
    <IconButton label="More for this transcript" aria-haspopup="menu" onClick={() => setIsWanted(true)}>
      {dots}
    </IconButton>
  );
  if (!isWanted) return button;
  return (
    <QuietPart name="menu of the transcript" onFailed={failed} loading={button}>
      <Menu runId={runId} onAll={onAll}>
        {dots}
      </Menu>
    </QuietPart>
  );
};

const Choices = ({ choice, onChoose }: { choice: Choice; onChoose: (choice: Choice) => void }) => (
  <div
    role="radiogroup"
    aria-label="What is shown of the transcript"
    className="flex min-w-0 overflow-x-auto pr-4 [scrollbar-width:none] max-sm:fade-end"
  >
    {CHOICE_NAMES.map((name) => (
      <label
        key={name}
        className={classes(
          "flex h-7 shrink-0 cursor-pointer items-center rounded-md px-2 text-xs font-medium has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent sm:px-2.5",
          name === choice ? "bg-accent-soft text-accent" : "text-ink-soft hover:bg-hover hover:text-ink",
        )}
      >
        <input
          type="radio"
          name="transcript-choice"
          className="sr-only"
          checked={name === choice}
          onChange={() => onChoose(name)}
        />
        {CHOICES[name].label}
      </label>
    ))}
  </div>
);

/** How many entries tell of trouble; while many come, a little later than they. */
const useTroubleCount = (entries: readonly Entry[]): number => {
  const later = useDeferredValue(entries);
  const before = useRef(noTally);
  const now = useMemo(() => tally(before.current, later), [later]);
  useEffect(() => {
    before.current = now;
  }, [now]);
  return now.total;
};

/** By itself, so that counting draws nothing else once more. */
const Errors = ({
  entries,
  className,
  onStep,
}: {
  entries: readonly Entry[];
  className: string;
  onStep: (by: 1 | -1) => void;
}) => {
  const count = useTroubleCount(entries);
  if (count === 0) return null;
  return (
    <fieldset aria-label="Errors" className={classes("shrink-0 items-center", className)}>
      <span className="nums flex items-center gap-1 text-xs text-bad" title={plural(count, "error")}>
        <CircleAlert aria-hidden className="size-3.5" />
        {count.toLocaleString("en")}
        <span className="sr-only"> {count === 1 ? "error" : "errors"}</span>
      </span>
      <IconButton label="Previous error" title="Previous error (p)" onClick={() => onStep(-1)}>
        <ArrowUp aria-hidden className="size-3.5" />
      </IconButton>
      <IconButton label="Next error" title="Next error (n)" onClick={() => onStep(1)}>
        <ArrowDown aria-hidden className="size-3.5" />
      </IconButton>
    </fieldset>
  );
};

/** What can be done with a transcript as a whole; while something is looked for, `find` takes most of the room. */
export const TranscriptToolbar = ({
  runId,
  choice,
  onChoose,
  entries,
  onError,
  find,
  onFind,
  onAll,
}: {
  runId: string;
  choice: Choice;
  onChoose: (choice: Choice) => void;
  entries: readonly Entry[];
  onError: (by: 1 | -1) => void;
  /** null: nothing is looked for. */
  find: ReactNode;
  onFind: () => void;
  onAll: (open: boolean) => void;
}) => {
  return (
    <div className="flex h-10 shrink-0 items-center gap-1 border-b border-line px-2 sm:px-4">
      {find ?? <Choices choice={choice} onChoose={onChoose} />}
      <span className={find === null ? "flex-1" : ""} />
      <Errors entries={entries} className={find === null ? "flex" : "hidden sm:flex"} onStep={onError} />
      {find === null && (
        <IconButton label="Find in the transcript" title="Find in the transcript (/)" onClick={onFind}>
          <Search aria-hidden className="size-3.5" />
        </IconButton>
      )}
      <MenuButton runId={runId} onAll={onAll} />
    </div>
  );
};
