import { MessageSquare, Pencil, Trash2 } from "lucide-react";
import { createContext, type KeyboardEvent, useContext, useEffect, useRef } from "react";
import { Button, IconButton } from "../../ui/button.tsx";
import { Field, GrowingTextArea } from "../../ui/field.tsx";
import { type Comment, describeLines } from "./comments.ts";
import type { Reviewing } from "./use-comments.ts";

/** `leave`: the focus goes back to the lines. */
const CommentsContext = createContext<{ reviewing: Reviewing; leave: () => void } | null>(null);
/** The comments of the panel, for the boxes between its lines. */
export const CommentsProvider = CommentsContext.Provider;

const Writing = ({ comment, reviewing, leave }: { comment: Comment; reviewing: Reviewing; leave: () => void }) => {
  const area = useRef<HTMLDivElement>(null);
  const isNew = reviewing.justBegun === comment.id;
  useEffect(() => {
    if (isNew) area.current?.querySelector("textarea")?.focus({ preventScroll: true });
  }, [isNew]);
  const canKeep = comment.text.trim() !== "";
  const keep = (): void => {
    reviewing.keep(comment.id);
    leave();
  };
  const discard = (): void => {
    reviewing.remove(comment.id);
    leave();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // What is typed here is no key of the panel.
    event.stopPropagation();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && canKeep) {
      event.preventDefault();
      keep();
    } else if (event.key === "Escape" && !canKeep) discard();
  };
  return (
    <div ref={area} className="flex flex-col gap-2">
      <Field label={`Comment on ${describeLines(comment)}`}>
        {(parts) => (
          <GrowingTextArea
            {...parts}
            value={comment.text}
            placeholder="What should Claude Code change here?"
            onChange={({ target }) => reviewing.write(comment.id, target.value)}
            onKeyDown={onKeyDown}
          />
        )}
      </Field>
      <div className="flex flex-wrap items-center gap-2">
        <Button size="sm" tone="primary" disabled={!canKeep} onClick={keep}>
          Add the comment
        </Button>
        <Button size="sm" tone="ghost" onClick={discard}>
          Discard
        </Button>
        <span className="text-2xs text-ink-faint">It is kept in this browser until you send it.</span>
      </div>
    </div>
  );
};

/** A comment where it belongs: as it is written, or as it stands. */
export const CommentBox = ({ id }: { id: string }) => {
  const place = useContext(CommentsContext);
  const comment = place?.reviewing.comments.find((each) => each.id === id);
  if (place === null || comment === undefined) return null;
  const { reviewing, leave } = place;
  return (
    <section
      aria-label={`Comment on ${describeLines(comment)} of ${comment.path}`}
      className="m-2 max-w-2xl rounded-lg border border-line bg-page p-3 font-sans text-sm whitespace-normal text-ink shadow-card"
    >
      {reviewing.isOpen(id) ? (
        <Writing comment={comment} reviewing={reviewing} leave={leave} />
      ) : (
        <div className="flex items-start gap-2.5">
          <MessageSquare aria-hidden className="mt-1 size-3.5 shrink-0 text-accent" />
          <p className="min-w-0 flex-1 whitespace-pre-wrap [overflow-wrap:anywhere]">{comment.text}</p>
          <IconButton label="Edit the comment" onClick={() => reviewing.edit(id)}>
            <Pencil aria-hidden className="size-3.5" />
          </IconButton>
          <IconButton label="Remove the comment" onClick={() => reviewing.remove(id)}>
            <Trash2 aria-hidden className="size-3.5" />
          </IconButton>
        </div>
      )}
    </section>
  );
};
