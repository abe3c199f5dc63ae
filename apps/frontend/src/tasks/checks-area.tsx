import { type ComponentProps, useLayoutEffect, useRef } from "react";
import { classes } from "../ui/classes.ts";
import { GrowingTextArea } from "../ui/field.tsx";
import { type CheckLine, linesOfChecks } from "./checks.ts";

const MARKS: Record<CheckLine["kind"], string> = {
  command: "bg-ok-soft shadow-[inset_2px_0_0_var(--color-ok)]",
  almost: "bg-warn-soft shadow-[inset_2px_0_0_var(--color-warn)]",
  prose: "",
  empty: "",
};

/** Where checks are written: behind the text, lines that are commands, and lines that may be meant as such, are marked. */
export const ChecksArea = ({ className, ...rest }: ComponentProps<"textarea"> & { value: string }) => {
  const marks = useRef<HTMLDivElement>(null);
  const area = useRef<HTMLDivElement>(null);
  const { value } = rest;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the bar beside it follows
  useLayoutEffect(() => {
    const text = area.current?.querySelector("textarea");
    if (text == null) return;
    const follow = (): void => {
      // A bar that scrolls takes room from the lines.
      if (marks.current !== null) marks.current.style.width = `${text.clientWidth}px`;
    };
    follow();
    const observer = new ResizeObserver(follow);
    observer.observe(text);
    return () => observer.disconnect();
  }, [value]);
  return (
    <div ref={area} className="relative min-w-0 rounded-md bg-surface">
      <div aria-hidden className="pointer-events-none absolute inset-px overflow-hidden rounded-md">
        <div ref={marks} className="code py-2 text-transparent">
          {linesOfChecks(value).map(({ kind, text }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same line may stand twice
            <div key={index} className={classes("px-2.5 break-words whitespace-pre-wrap", MARKS[kind])}>
              {text === "" ? " " : text}
            </div>
          ))}
        </div>
      </div>
      <GrowingTextArea
        {...rest}
        mono
        className={classes("relative block bg-transparent break-words whitespace-pre-wrap", className)}
        onScroll={({ currentTarget }) => {
          if (marks.current !== null) marks.current.style.transform = `translateY(${-currentTarget.scrollTop}px)`;
        }}
      />
    </div>
  );
};
