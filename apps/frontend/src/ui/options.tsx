import { type KeyboardEvent, type ReactNode, useId, useState } from "react";
import { classes } from "./classes.ts";

/**
 * Which of the options below a field the keys are at: the field keeps the focus, and tells of the option by its id. `first` is where they are before an
 * arrow key was pressed, -1: at none.
 */
export const useOptions = (count: number, first: -1 | 0) => {
  const list = useId();
  const [active, setActive] = useState<number>(first);
  const current = active < count ? active : count === 0 ? -1 : first;
  const idOf = (index: number): string => `${list}-${index}`;
  const move = (next: number): void => {
    setActive(next);
    document.getElementById(idOf(next))?.scrollIntoView({ block: "nearest" });
  };
  return {
    list,
    current,
    currentId: current === -1 ? undefined : idOf(current),
    reset: () => setActive(first),
    /** Whether it was an arrow key, which walks around the options. */
    onArrow: ({ key }: Pick<KeyboardEvent, "key">): boolean => {
      if (key !== "ArrowDown" && key !== "ArrowUp") return false;
      const last = count - 1;
      if (count > 0) move(key === "ArrowDown" ? (current === last ? 0 : current + 1) : current <= 0 ? last : current - 1);
      return true;
    },
    /** What belongs to an `Option`. */
    at: (index: number) => ({ id: idOf(index), isCurrent: index === current }),
  };
};

/** One of the options below a field. */
export const Option = ({
  id,
  isCurrent,
  title,
  onChoose,
  className,
  children,
}: {
  id: string;
  isCurrent: boolean;
  title?: string;
  onChoose: () => void;
  className?: string;
  children: ReactNode;
}) => (
  // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field
  <div
    id={id}
    role="option"
    tabIndex={-1}
    aria-selected={isCurrent}
    title={title}
    // The field keeps the focus.
    onMouseDown={(event) => event.preventDefault()}
    onClick={onChoose}
    className={classes(
      "flex cursor-pointer gap-2 rounded-md px-2 py-1 text-xs hover:bg-hover pointer-coarse:min-h-10",
      isCurrent && "bg-hover",
      className,
    )}
  >
    {children}
  </div>
);
