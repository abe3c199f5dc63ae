import { type KeyboardEvent, type RefObject, useState } from "react";
import type { Place } from "./comments.ts";
import type { DiffViewHandle } from "./diff-view.tsx";
import { actOf, type KeyAct } from "./keys.ts";
import type { ShownFile } from "./shown.ts";
import type { CurrentFile } from "./use-current-file.ts";
import type { Marks } from "./use-marks.ts";
import { type Chosen, chooseLine, nextChange, nextLine, type Step, stepOf, tellLine } from "./walk.ts";

type Options = {
  files: readonly ShownFile[];
  view: RefObject<DiffViewHandle | null>;
  current: CurrentFile;
  marks: Marks;
  /** Null where nobody comments. */
  onComment: ((shown: ShownFile, one: Place, other: Place) => void) | null;
};

const isTyping = (target: EventTarget): boolean =>
  target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type !== "checkbox");

/** Goes through the changes by keys, and says in words where that leads. */
export const useWalk = ({ files, view, current, marks, onComment }: Options) => {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [said, setSaid] = useState("");
  const end = "There is no more.";
  const goTo = (step: Step | null, from: Chosen | null, align: "center" | "nearest"): void => {
    const next = step === null ? null : chooseLine(files, step, from);
    const shown = step === null ? undefined : files[step.file];
    if (step === null || next === null || shown === undefined) {
      setSaid(end);
      return;
    }
    if (!marks.isOpen(shown)) marks.setOpen(shown, true);
    setChosen(next);
    current.goneTo(next.id);
    view.current?.toLine(next.id, next.other, align);
    setSaid(`${chosen?.id === next.id ? "" : `${shown.file.path}. `}${tellLine(files, step)}`);
  };
  const goToFile = (shown: ShownFile | undefined): void => {
    if (shown !== undefined) {
      setChosen(null);
      current.goneTo(shown.id);
      view.current?.toFile(shown.id);
    }
    setSaid(shown === undefined ? end : `${shown.file.path}, ${shown.file.status}`);
  };
  const comment = (): void => {
    const shown = files.find(({ id }) => id === chosen?.id);
    if (chosen === null || shown === undefined) setSaid("Choose a line first.");
    else onComment?.(shown, chosen.one, chosen.other);
  };
  const act = (asked: KeyAct): void => {
    const seen = view.current?.inView() ?? [];
    const lines = current.wentTo === null ? seen : seen.filter(({ id }) => id === current.wentTo);
    const from = stepOf(files, chosen, { file: current.id, lines });
    const at = Math.max(
      0,
      files.findIndex(({ id }) => id === current.id),
    );
    const shown = files[at];
    switch (asked.kind) {
      case "change":
        goTo(nextChange(files, from, asked.direction), null, "center");
        break;
      case "line":
        goTo(nextLine(files, from, asked.direction), asked.isRange ? chosen : null, "nearest");
        break;
      case "file":
        goToFile(files[at + asked.direction]);
        break;
      case "comment":
        comment();
        break;
      case "viewed":
        if (shown !== undefined) marks.setViewed(shown, !marks.isViewed(shown));
        break;
      case "fold":
        if (shown !== undefined) marks.setOpen(shown, !marks.isOpen(shown));
        break;
      case "unchoose":
        setChosen(null);
        break;
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const asked = isTyping(event.target) ? null : actOf(event);
    if (asked === null || (asked.kind === "comment" && onComment === null)) return;
    event.preventDefault();
    // One key, one meaning: the page has keys of its own.
    event.stopPropagation();
    act(asked);
  };
  return { chosen, setChosen, said, onKeyDown };
};
