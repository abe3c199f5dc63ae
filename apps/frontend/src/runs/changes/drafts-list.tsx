import { ChevronRight, Pencil, Send, Trash2 } from "lucide-react";
import { useState } from "react";
import { describeError } from "../../api/errors.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { plural } from "../../ui/format.ts";
import { TailPath } from "../../ui/tail-path.tsx";
import { type Comment, commentsMessage, describeLines } from "./comments.ts";
import type { Reviewing } from "./use-comments.ts";
import type { SendComments } from "./use-send-comments.ts";

type Props = {
  reviewing: Reviewing;
  send: SendComments;
  /** Whether the list is open at first. */
  isListed: boolean;
  /** Whether the lines of a comment are as they were when it was written. */
  isCurrent: (comment: Comment) => boolean;
  onShow: (comment: Comment) => void;
};

const Draft = ({ comment, reviewing, isCurrent, onShow }: Omit<Props, "send" | "isListed"> & { comment: Comment }) => {
  const isShown = isCurrent(comment);
  return (
    <li className="flex items-start gap-2 px-4 py-2">
      <div className="min-w-0 flex-1">
        <button
          type="button"
          disabled={!isShown}
          onClick={() => onShow(comment)}
          className="flex min-h-6 max-w-full items-center gap-2 rounded text-xs text-ink-soft enabled:hover:underline"
        >
          <TailPath text={comment.path} className="code text-2xs" />
          <span className="shrink-0">{describeLines(comment)}</span>
        </button>
        <p className="line-clamp-3 whitespace-pre-wrap [overflow-wrap:anywhere]">{comment.text}</p>
        {!isShown && <p className="text-xs text-warn">These lines have changed since. The comment quotes them as they were.</p>}
      </div>
      {isShown && (
        <IconButton
          label={`Edit the comment on ${describeLines(comment)}`}
          onClick={() => {
            reviewing.edit(comment.id);
            onShow(comment);
          }}
        >
          <Pencil aria-hidden className="size-3.5" />
        </IconButton>
      )}
      <IconButton label={`Remove the comment on ${describeLines(comment)}`} onClick={() => reviewing.remove(comment.id)}>
        <Trash2 aria-hidden className="size-3.5" />
      </IconButton>
    </li>
  );
};

/** The comments that wait, and the way to send them as one message. */
export const DraftsList = ({ reviewing, send, isListed, isCurrent, onShow }: Props) => {
  const [isOpen, setOpen] = useState(isListed);
  const [state, setState] = useState<{ kind: "idle" } | { kind: "sending" } | { kind: "failed"; error: unknown }>({
    kind: "idle",
  });
  // One that is written where it cannot be seen any more is taken as it is.
  const ready = reviewing.comments.filter(
    (comment) => comment.text.trim() !== "" && (!reviewing.isOpen(comment.id) || !isCurrent(comment)),
  );
  const unfinished = reviewing.comments.length - ready.length;
  const submit = async (onSend: (text: string) => Promise<void>): Promise<void> => {
    setState({ kind: "sending" });
    try {
      await onSend(commentsMessage(ready));
      reviewing.forget(ready);
      setState({ kind: "idle" });
    } catch (error) {
      setState({ kind: "failed", error });
    }
  };
  if (ready.length === 0) return null;
  return (
    <section aria-label="Your comments" className="flex max-h-[45%] shrink-0 flex-col border-t border-line bg-page">
      {isOpen && (
        <ul className="min-h-0 divide-y divide-line overflow-y-auto border-b border-line">
          {ready.map((comment) => (
            <Draft key={comment.id} comment={comment} reviewing={reviewing} isCurrent={isCurrent} onShow={onShow} />
          ))}
        </ul>
      )}
      {state.kind === "failed" && (
        <p role="alert" className="px-4 pt-2 text-xs text-bad [overflow-wrap:anywhere]">
          The comments were not sent. {describeError(state.error)}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2">
        <div className="min-w-40 flex-1 text-xs text-ink-soft">
          <button
            type="button"
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
            className="flex min-h-6 items-center gap-1.5 rounded font-medium text-ink"
          >
            <ChevronRight aria-hidden className={classes("size-3 text-ink-faint", isOpen && "rotate-90")} />
            {plural(ready.length, "comment")} to send
          </button>
          <p className="text-pretty">
            {send.note}
            {unfinished > 0 && ` ${plural(unfinished, "comment")} not added yet ${unfinished === 1 ? "is" : "are"} kept here.`}
          </p>
        </div>
        {send.kind === "can" && (
          <Button size="sm" tone="primary" busy={state.kind === "sending"} onClick={() => void submit(send.onSend)}>
            {state.kind !== "sending" && <Send aria-hidden className="size-3.5" />}
            {send.label}
          </Button>
        )}
      </div>
    </section>
  );
};
