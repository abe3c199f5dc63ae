import { useLayoutEffect, useRef, useState } from "react";
import { classes } from "../../ui/classes.ts";
import { Elapsed } from "../../ui/time.tsx";
import type { Now } from "./now.ts";

/** What happens now, in two lines at most; all of an outcome's is shown when asked for. */
export const NowSentence = ({ now, isOutcome, className }: { now: Now; isOutcome: boolean; className: string }) => {
  const { text, subject, since } = now;
  const paragraph = useRef<HTMLParagraphElement>(null);
  const [open, setOpen] = useState(false);
  const [isCut, setIsCut] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the height follows
  useLayoutEffect(() => {
    const element = paragraph.current;
    if (element === null || open) return;
    const observer = new ResizeObserver(() => setIsCut(element.scrollHeight > element.clientHeight + 1));
    observer.observe(element);
    return () => observer.disconnect();
  }, [open, text]);
  return (
    <div className={className}>
      <p ref={paragraph} role="status" className={classes("text-ink-soft [overflow-wrap:anywhere]", !open && "line-clamp-2")}>
        {text}
        {subject !== "" && (
          <>
            {" "}
            <code className="code">{subject}</code>
          </>
        )}
        {/* A clock that is read out each second is no help. */}
        {since !== null && (
          <span aria-hidden className="nums text-ink-faint">
            {" "}
            for <Elapsed from={since} to={null} />
          </span>
        )}
      </p>
      {isOutcome && isCut && (
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className="rounded text-xs font-medium text-accent hover:underline"
        >
          {open ? "Show less" : "Show all of it"}
        </button>
      )}
    </div>
  );
};
