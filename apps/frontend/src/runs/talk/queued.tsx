import type { Run } from "@ccr/protocol";
import { Hourglass, Pencil, Zap } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../ui/button.tsx";
import { GrowingTextArea } from "../../ui/field.tsx";
import type { useTalk } from "./use-talk.ts";
import type { QueuedPrompt } from "./words.ts";

type Talk = ReturnType<typeof useTalk>;

const Prompt = ({ run, prompt, talk }: { run: Run; prompt: QueuedPrompt; talk: Talk }) => {
  const [text, setText] = useState<string | null>(null);
  const { id: inputId, revision } = prompt;
  if (text !== null) {
    const save = (): void => {
      if (text.trim() === "") return;
      talk.edit.mutate({ id: run.id, inputId, revision, text });
      setText(null);
    };
    return (
      <li className="flex flex-col gap-2 rounded-md border border-line bg-surface p-2">
        <GrowingTextArea
          autoFocus
          aria-label="What Claude Code is told"
          value={text}
          onChange={({ target }) => setText(target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) save();
            if (event.key === "Escape") setText(null);
          }}
        />
        <div className="flex gap-2">
          <Button size="sm" tone="primary" onClick={save} disabled={text.trim() === ""}>
            Save
          </Button>
          <Button size="sm" tone="ghost" onClick={() => setText(null)}>
            Keep it as it was
          </Button>
        </div>
      </li>
    );
  }
  return (
    <li className="flex items-start gap-2 rounded-md border border-line bg-surface py-1 pr-1 pl-2.5">
      <Hourglass aria-hidden className="mt-1.5 size-3.5 shrink-0 text-ink-faint" />
      <p className="line-clamp-3 min-w-0 flex-1 py-0.5 whitespace-pre-wrap [overflow-wrap:anywhere]">{prompt.text}</p>
      <IconButton label="Change it" onClick={() => setText(prompt.text)}>
        <Pencil aria-hidden className="size-3.5" />
      </IconButton>
      <Button size="sm" tone="ghost" onClick={() => talk.withdraw.mutate({ id: run.id, inputId })}>
        Take back
      </Button>
    </li>
  );
};

/** What was said and is told to the agent when its turn has ended; until then it may be changed and taken back. */
export const Queued = ({
  run,
  prompts,
  isOver,
  talk,
}: {
  run: Run;
  prompts: readonly QueuedPrompt[];
  isOver: boolean;
  talk: Talk;
}) => {
  if (prompts.length === 0) return null;
  return (
    <section aria-label="Waits to be told" className="flex flex-col gap-1.5">
      <div className="flex items-center justify-between gap-2">
        <h3 className="text-xs text-ink-soft">
          {isOver ? "The run ended before Claude Code was told this:" : "Claude Code is told this when its turn has ended:"}
        </h3>
        {!isOver && run.status === "running" && (
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
        {prompts.map((prompt) => (
          <Prompt key={prompt.id} run={run} prompt={prompt} talk={talk} />
        ))}
      </ul>
    </section>
  );
};
