import { deliveriesOf, isFinal, PERMISSION_MODES, type Run } from "@ccr/protocol";
import { CornerDownLeft, OctagonPause, SendHorizontal, Settings2, Zap } from "lucide-react";
import { useId, useRef, useState } from "react";
import { z } from "zod";
import { describeError } from "../../api/errors.ts";
import { newIdempotencyKey } from "../../launch/launch-keys.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { useDraft } from "../../ui/draft.ts";
import { Field, GrowingTextArea, Select, TextInput } from "../../ui/field.tsx";
import { Popover } from "../../ui/popover.tsx";
import { Questions } from "./questions.tsx";
import { Queued, Untold } from "./queued.tsx";
import { useInputs, useTalk } from "./use-talk.ts";
import { MODE_LABELS, queuedPrompts, untoldPrompts } from "./words.ts";

type Talk = ReturnType<typeof useTalk>;

/** Which model works, and what it may do without asking; both can be changed while it works. */
const Settings = ({ run, talk }: { run: Run; talk: Talk }) => {
  const [model, setModel] = useState(run.model ?? "");
  const changed = model.trim() !== (run.model ?? "");
  return (
    <Popover.Root
      onOpenChange={(open) => {
        if (open) setModel(run.model ?? "");
      }}
    >
      <Popover.Trigger asChild>
        <IconButton label={`How it works: ${MODE_LABELS[run.permissionMode].label}, ${run.model ?? "default model"}`}>
          <Settings2 aria-hidden className="size-4" />
        </IconButton>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          side="top"
          align="start"
          sideOffset={6}
          collisionPadding={12}
          className="z-40 flex w-[min(20rem,calc(100vw-1.5rem))] flex-col gap-3 rounded-lg border border-line bg-surface p-3.5 shadow-float"
        >
          <h3 className="font-medium">How Claude Code works from now on</h3>
          <Field label="What it may do" hint={MODE_LABELS[run.permissionMode].hint}>
            {(parts) => (
              <Select
                {...parts}
                value={run.permissionMode}
                disabled={talk.configure.isPending}
                onChange={({ target }) => {
                  const permissionMode = PERMISSION_MODES.find((mode) => mode === target.value);
                  if (permissionMode !== undefined) talk.configure.mutate({ id: run.id, permissionMode });
                }}
              >
                {PERMISSION_MODES.map((mode) => (
                  <option key={mode} value={mode}>
                    {MODE_LABELS[mode].label}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <form
            className="flex flex-col gap-2"
            onSubmit={(event) => {
              event.preventDefault();
              talk.configure.mutate({ id: run.id, model: model.trim() === "" ? null : model.trim() });
            }}
          >
            <Field label="Model" hint="Left empty, Claude Code’s own default. It holds from its next answer on.">
              {(parts) => <TextInput {...parts} value={model} onChange={({ target }) => setModel(target.value)} />}
            </Field>
            <Button type="submit" size="sm" disabled={!changed} busy={talk.configure.isPending}>
              Use this model
            </Button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
};

const placeholderOf = (run: Run): string => {
  if (isFinal(run.status))
    return deliveriesOf(run).some(({ isPushed }) => isPushed)
      ? "Say what is to be done next. Another run goes on from this one, on its branch."
      : "Say what is to be done next. Another run goes on with this work, as it was left.";
  if (run.status === "waiting") return "Say something to Claude Code";
  return "Say something to Claude Code. It is told when its turn has ended.";
};

/** Where one talks to the agent: its questions, what waits to be told, and the box to say something in. */
export const TalkBar = ({ run }: { run: Run }) => {
  const inputs = useInputs(run);
  const talk = useTalk(run);
  const [draft, setDraft] = useDraft(`ccr.draft.say.${run.id}`, z.string());
  const key = useRef(newIdempotencyKey());
  const hintId = useId();
  const isOver = isFinal(run.status);
  // What is on its way stands among what waits, and no more in the box; it is kept as it was written until it is there.
  const [sending, setSending] = useState<string | null>(null);
  const written = useRef("");
  written.current = draft ?? "";
  const text = draft === null || draft === sending ? "" : draft;
  const isLeaving = run.status === "canceling";
  const isInterrupting = inputs.some(({ state, body }) => state === "queued" && body.kind === "interrupt");

  const write = (next: string): void => {
    // Other words are another thing to say.
    key.current = newIdempotencyKey();
    setDraft(next === "" ? null : next);
  };
  const use = (words: string): void => write(text.trim() === "" ? words : `${text}\n\n${words}`);

  const say = (now: boolean): void => {
    if (text.trim() === "" || talk.say.isPending) return;
    if (!isOver) setSending(text);
    talk.say.mutate(
      { id: run.id, text, now, idempotencyKey: key.current },
      {
        onSuccess: () => {
          // A lost answer is asked for again under the same key.
          key.current = newIdempotencyKey();
          if (written.current === text) setDraft(null);
        },
        onError: () => {
          // What was written meanwhile comes behind it.
          if (written.current !== text) write(written.current === "" ? text : `${text}\n\n${written.current}`);
        },
        onSettled: () => setSending(null),
      },
    );
  };

  return (
    <section
      aria-label="Talk to Claude Code"
      className="flex max-h-[70%] shrink-0 flex-col gap-2 overflow-y-auto border-t border-line bg-sunken px-3 py-2.5 sm:px-4"
    >
      {!isOver && <Questions run={run} inputs={inputs} talk={talk} />}
      <Queued run={run} prompts={isOver ? [] : queuedPrompts(inputs)} talk={talk} onUse={use} />
      {isOver && <Untold prompts={untoldPrompts(inputs)} onUse={use} />}
      <form
        className="flex flex-col gap-1.5"
        onSubmit={(event) => {
          event.preventDefault();
          say(false);
        }}
      >
        <GrowingTextArea
          aria-label={isOver ? "What is to be done next" : "What to say to Claude Code"}
          aria-describedby={hintId}
          placeholder={placeholderOf(run)}
          value={text}
          disabled={isLeaving}
          rows={1}
          className="max-h-[30vh] min-h-9!"
          onChange={({ target }) => write(target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
              event.preventDefault();
              say(event.shiftKey);
            }
          }}
        />
        {talk.say.isError && (
          <p role="alert" className="text-xs text-bad [overflow-wrap:anywhere]">
            {describeError(talk.say.error)}
          </p>
        )}
        <div className="flex flex-wrap items-center gap-2">
          {!isOver && <Settings run={run} talk={talk} />}
          {run.status === "running" && (
            <Button
              size="sm"
              tone="ghost"
              busy={talk.interrupt.isPending || isInterrupting}
              onClick={() => talk.interrupt.mutate({ id: run.id })}
              title="Breaks off what Claude Code does at the moment; it then waits for you"
            >
              <OctagonPause aria-hidden className="size-3.5" /> Interrupt
            </Button>
          )}
          <p id={hintId} className="hidden min-w-0 flex-1 items-center gap-1 text-2xs text-ink-faint sm:flex">
            <CornerDownLeft aria-hidden className="size-3" /> Ctrl or ⌘ and Enter sends
          </p>
          <div className="ml-auto flex gap-2">
            {run.status === "running" && text.trim() !== "" && (
              <Button
                size="sm"
                disabled={talk.say.isPending}
                onClick={() => say(true)}
                title="Breaks off what it does at the moment"
              >
                <Zap aria-hidden className="size-3.5" /> Interrupt and send
              </Button>
            )}
            <Button type="submit" size="sm" tone="primary" busy={talk.say.isPending} disabled={text.trim() === "" || isLeaving}>
              <SendHorizontal aria-hidden className="size-3.5" /> {isOver ? "Go on from here" : "Send"}
            </Button>
          </div>
        </div>
      </form>
    </section>
  );
};
