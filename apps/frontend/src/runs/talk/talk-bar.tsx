import { deliveriesOf, isFinal, type Run, type RunInput } from "@ccr/protocol";
import { CornerDownLeft, OctagonPause, SendHorizontal, Settings2, Zap } from "lucide-react";
import { useEffect, useId } from "react";
import { useApi } from "../../api/client.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { Part } from "../../ui/error-boundary.tsx";
import { Skeleton } from "../../ui/feedback.tsx";
import { GrowingTextArea } from "../../ui/field.tsx";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { Popover } from "../../ui/popover.tsx";
import { Questions } from "./questions.tsx";
import { Queued, Untold } from "./queued.tsx";
import { useSaying } from "./saying.ts";
import { useInputs, useTalk } from "./use-talk.ts";
import { conductAfter, conductWishes, MODE_LABELS, queuedPrompts, untoldPrompts } from "./words.ts";

type Talk = ReturnType<typeof useTalk>;

// Few change how it works while it does.
const Conduct = lazyPart(() => import("./conduct.tsx").then(({ Conduct }) => Conduct));

/** Which model works, and what it may do without asking; both can be changed while it works. */
const Settings = ({ run, inputs, talk }: { run: Run; inputs: readonly RunInput[]; talk: Talk }) => {
  const { isPending, variables } = talk.configure;
  const { waiting, last } = conductWishes(inputs);
  const { trpc, queries } = useApi();
  const waits = waiting.length > 0;
  // The run has it as soon as Claude Code does.
  useEffect(() => {
    if (!waits) void queries.invalidateQueries({ queryKey: trpc.runs.byId.queryKey({ id: run.id }) });
  }, [waits, queries, trpc, run.id]);
  // As it is about to be: what the server refuses is gone from here by itself.
  const wanted = conductAfter(run, [...waiting, ...(isPending ? [variables] : [])]);
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <IconButton label={`How it works: ${MODE_LABELS[wanted.permissionMode].label}, ${wanted.model ?? "default model"}`}>
          <Settings2 aria-hidden className="size-4" />
        </IconButton>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          side="top"
          align="start"
          sideOffset={6}
          collisionPadding={12}
          onEscapeKeyDown={(event) => {
            // The list of models goes first.
            if (event.target instanceof Element && event.target.matches("[role=combobox][aria-expanded=true]"))
              event.preventDefault();
          }}
          className="z-40 flex w-[min(20rem,calc(100vw-1.5rem))] flex-col gap-3 rounded-lg border border-line bg-surface p-3.5 shadow-float"
        >
          <Part name="settings" loading={<Skeleton rows={3} />}>
            <Conduct run={run} wanted={wanted} talk={talk} told={isPending ? "queued" : last} />
          </Part>
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
  const { inputs, isOld, retry } = useInputs(run);
  const talk = useTalk(run);
  const saying = useSaying(run.id);
  const hintId = useId();
  const isOver = isFinal(run.status);
  const isSending = saying.sending !== null;
  // What is told to a run that goes on stands among what waits; what begins another one stays in sight until that is there.
  const isHeld = isOver && isSending;
  const text = isHeld ? (saying.sending?.text ?? "") : saying.written.text;
  const isLeaving = run.status === "canceling";
  const isInterrupting = inputs.some(({ state, body }) => state === "queued" && body.kind === "interrupt");
  const say = (now: boolean): void =>
    void saying.send(({ text: words, key }) => talk.say.mutateAsync({ id: run.id, text: words, now, idempotencyKey: key }));

  return (
    <section
      aria-label="Talk to Claude Code"
      className="relative flex max-h-[70%] shrink-0 scroll-pb-20 flex-col gap-2 overflow-y-auto border-t border-line bg-sunken px-3 py-2.5 sm:px-4"
    >
      {isOld && (
        <div role="status" className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-ink-soft">
          What was said to Claude Code cannot be read now{inputs.length > 0 && "; this is what was known before"}.
          <Button size="sm" tone="ghost" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
      {!isOver && <Questions run={run} inputs={inputs} talk={talk} />}
      <Queued run={run} prompts={isOver ? [] : queuedPrompts(inputs)} talk={talk} onUse={saying.add} onWithdrawn={saying.renew} />
      {isOver && <Untold prompts={untoldPrompts(inputs)} onUse={saying.add} />}
      <form
        className="flex flex-col gap-1.5"
        onSubmit={(event) => {
          event.preventDefault();
          say(false);
        }}
      >
        <GrowingTextArea
          id="say"
          aria-label={isOver ? "What is to be done next" : "What to say to Claude Code"}
          aria-describedby={hintId}
          placeholder={placeholderOf(run)}
          value={text}
          disabled={isLeaving || isHeld}
          rows={1}
          className="max-h-[30vh] min-h-9!"
          onChange={({ target }) => saying.write(target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
              event.preventDefault();
              say(event.shiftKey);
            }
          }}
        />
        {saying.problem !== null && (
          <p role="alert" className="text-xs text-bad [overflow-wrap:anywhere]">
            {saying.problem}
          </p>
        )}
        <div className="flex flex-wrap items-center gap-2">
          {!isOver && <Settings run={run} inputs={inputs} talk={talk} />}
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
              <Button size="sm" disabled={isSending} onClick={() => say(true)} title="Breaks off what it does at the moment">
                <Zap aria-hidden className="size-3.5" /> Interrupt and send
              </Button>
            )}
            <Button type="submit" size="sm" tone="primary" busy={isSending} disabled={text.trim() === "" || isLeaving}>
              <SendHorizontal aria-hidden className="size-3.5" /> {isOver ? "Go on from here" : "Send"}
            </Button>
          </div>
        </div>
      </form>
    </section>
  );
};
