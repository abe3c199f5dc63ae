import { InputId, type Run } from "@ccr/protocol";
import { Hourglass, Pencil, Zap } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { Button, IconButton } from "../../ui/button.tsx";
import { useDraft } from "../../ui/draft.ts";
import { GrowingTextArea } from "../../ui/field.tsx";
import type { useTalk } from "./use-talk.ts";
import type { QueuedPrompt } from "./words.ts";

type Talk = ReturnType<typeof useTalk>;
/** On what was seen when the change began: whoever changed it meanwhile is told of, and not overwritten unseen. */
const Edit = z.object({ id: InputId, text: z.string(), revision: z.number() });
type Edit = z.infer<typeof Edit>;

const Editor = ({
  run,
  edit,
  now,
  talk,
  onEdit,
}: {
  run: Run;
  edit: Edit;
  /** As it is now. */
  now: QueuedPrompt;
  talk: Talk;
  onEdit: (edit: Edit | null) => void;
}) => {
  const { id: inputId, text } = edit;
  const isOld = now.revision !== edit.revision && now.text !== text && !talk.edit.isPending;
  const save = (): void => {
    if (text.trim() === "" || talk.edit.isPending) return;
    // It stays open, with its words, until they are kept.
    talk.edit.mutateAsync({ id: run.id, inputId, revision: now.revision, text }).then(
      () => onEdit(null),
      () => {},
    );
  };
  return (
    <li className="flex flex-col gap-2 rounded-md border border-line bg-surface p-2">
      {isOld && (
        <div role="status" className="flex flex-col gap-1 text-xs text-ink-soft">
          It was changed elsewhere since you began. There it says:
          <Text text={now.text} />
        </div>
      )}
      <GrowingTextArea
        autoFocus
        aria-label="What Claude Code is told"
        value={text}
        onChange={({ target }) => onEdit({ ...edit, text: target.value })}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) save();
          if (event.key === "Escape") onEdit(null);
        }}
      />
      <div className="flex gap-2">
        <Button size="sm" tone="primary" onClick={save} busy={talk.edit.isPending} disabled={text.trim() === ""}>
          {isOld ? "Put this in its place" : "Save"}
        </Button>
        <Button size="sm" tone="ghost" onClick={() => onEdit(null)}>
          {isOld ? "Keep what it says there" : "Keep it as it was"}
        </Button>
      </div>
    </li>
  );
};

const Text = ({ text }: { text: string }) => (
  <p className="line-clamp-3 min-w-0 flex-1 py-0.5 whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</p>
);

/** A change of what was told meanwhile: its words are not lost. */
const Overtaken = ({ edit, onUse, onDrop }: { edit: Edit; onUse: () => void; onDrop: () => void }) => (
  <section
    aria-label="A change that came too late"
    className="flex flex-col gap-1.5 rounded-md border border-warn bg-surface p-2.5"
  >
    <p role="status" className="text-xs text-ink-soft">
      It was told, or taken back, before you saved your change:
    </p>
    <Text text={edit.text} />
    <div className="flex gap-2">
      <Button size="sm" onClick={onUse}>
        Put it into the box
      </Button>
      <Button size="sm" tone="ghost" onClick={onDrop}>
        Drop it
      </Button>
    </div>
  </section>
);

/** What was said and is told to the agent when its turn has ended; until then it may be changed and taken back. */
export const Queued = ({
  run,
  prompts,
  talk,
  onUse,
  onWithdrawn,
}: {
  run: Run;
  prompts: readonly QueuedPrompt[];
  talk: Talk;
  /** Puts words into the box. */
  onUse: (text: string) => void;
  /** Something is taken back: the same words said once more are said anew. */
  onWithdrawn: () => void;
}) => {
  const [edit, setEdit] = useDraft(`ccr.draft.edit.${run.id}`, Edit);
  const isOvertaken = edit !== null && prompts.every(({ id }) => id !== edit.id);
  return (
    <>
      {isOvertaken && (
        <Overtaken
          edit={edit}
          onUse={() => {
            onUse(edit.text);
            setEdit(null);
          }}
          onDrop={() => setEdit(null)}
        />
      )}
      {prompts.length > 0 && (
        <section aria-label="Waits to be told" className="flex flex-col gap-1.5">
          <div className="flex items-center justify-between gap-2">
            <h3 className="text-xs text-ink-soft">Claude Code is told this when its turn has ended:</h3>
            {run.status === "running" && (
              <Button
                size="sm"
                tone="ghost"
                busy={talk.interrupt.isPending}
                onClick={() => talk.interrupt.mutate({ id: run.id })}
                title="Breaks off what it does at the moment, and tells it this"
              >
                <Zap aria-hidden className="size-3.5" /> Tell it now
              </Button>
            )}
          </div>
          <ul className="flex max-h-40 flex-col gap-1.5 overflow-y-auto">
            {prompts.map((prompt) =>
              prompt.id === edit?.id ? (
                <Editor key={prompt.id} run={run} edit={edit} now={prompt} talk={talk} onEdit={setEdit} />
              ) : (
                <li key={prompt.id} className="flex items-start gap-2 rounded-md border border-line bg-surface py-1 pr-1 pl-2.5">
                  <Hourglass aria-hidden className="mt-1.5 size-3.5 shrink-0 text-ink-faint" />
                  <Text text={prompt.text} />
                  <IconButton
                    label="Change it"
                    onClick={() => setEdit({ id: prompt.id, text: prompt.text, revision: prompt.revision })}
                  >
                    <Pencil aria-hidden className="size-3.5" />
                  </IconButton>
                  <Button
                    size="sm"
                    tone="ghost"
                    onClick={() => {
                      onWithdrawn();
                      talk.withdraw.mutate({ id: run.id, inputId: prompt.id });
                    }}
                  >
                    Take back
                  </Button>
                </li>
              ),
            )}
          </ul>
        </section>
      )}
    </>
  );
};

/** What was said too late for a run that has ended; a run that goes on from it can be told. */
export const Untold = ({ prompts, onUse }: { prompts: readonly QueuedPrompt[]; onUse: (text: string) => void }) => {
  const [isUsed, setUsed] = useState(false);
  if (prompts.length === 0 || isUsed) return null;
  return (
    <section aria-label="Was not told" className="flex flex-col gap-1.5">
      <div className="flex items-center justify-between gap-2">
        <h3 className="text-xs text-ink-soft">The run ended before Claude Code was told this:</h3>
        <Button
          size="sm"
          tone="ghost"
          onClick={() => {
            setUsed(true);
            onUse(prompts.map(({ text }) => text).join("\n\n"));
          }}
        >
          Put it into the box
        </Button>
      </div>
      <ul className="flex max-h-40 flex-col gap-1.5 overflow-y-auto">
        {prompts.map(({ id, text }) => (
          <li key={id} className="rounded-md border border-line bg-surface px-2.5 py-1">
            <Text text={text} />
          </li>
        ))}
      </ul>
    </section>
  );
};
