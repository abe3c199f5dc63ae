import type { Message, Run } from "@ccr/protocol";
import { Download, Hourglass, X } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { downloadText } from "../../ui/download.ts";
import { EmptyState } from "../../ui/feedback.tsx";
import { plural } from "../../ui/format.ts";
import { VirtualRows } from "../../ui/virtual-rows.tsx";

const LINE_MAX = 400;

const MessageLine = ({ message, chosen, onChoose }: { message: Message; chosen: boolean; onChoose: () => void }) => {
  const json = JSON.stringify(message.body);
  return (
    <button
      type="button"
      aria-pressed={chosen}
      onClick={onChoose}
      className={classes(
        "code inset-ring-focus flex h-6 w-full items-center gap-3 px-4 text-left hover:bg-hover",
        chosen && "bg-accent-soft",
      )}
    >
      <span className="nums w-12 shrink-0 text-right text-ink-faint">{message.seq}</span>
      <span className={classes("w-14 shrink-0", message.source === "agent" ? "text-accent" : "text-ink-soft")}>
        {message.source}
      </span>
      <span className="min-w-0 flex-1 truncate">{json.length > LINE_MAX ? `${json.slice(0, LINE_MAX)} …` : json}</span>
    </button>
  );
};

const pretty = (message: Message): string => JSON.stringify(message, null, 2);

/** The messages as they are stored, one a line; the chosen one in full beside them. `messages` only grows. */
export const RawView = ({ run, messages, count }: { run: Run; messages: readonly Message[]; count: number }) => {
  const [chosenIndex, setChosenIndex] = useState<number | null>(null);
  const chosen = chosenIndex === null ? undefined : messages[chosenIndex];
  if (count === 0) return <EmptyState icon={Hourglass} title="No message yet" />;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2">
        <p className="min-w-0 flex-1">{plural(count, "message")}</p>
        <Button
          size="sm"
          onClick={() =>
            downloadText(
              `${run.id}.ndjson`,
              messages.map((message) => `${JSON.stringify(message)}\n`).join(""),
              "application/x-ndjson",
            )
          }
        >
          <Download aria-hidden className="size-3.5" /> Download JSON lines
        </Button>
      </div>
      <div className="flex min-h-0 flex-1 flex-col">
        <VirtualRows
          label="Messages"
          count={count}
          rowHeight={24}
          className="py-1"
          render={(index) => {
            const message = messages[index];
            return message === undefined ? null : (
              <MessageLine
                message={message}
                chosen={index === chosenIndex}
                onChoose={() => setChosenIndex(index === chosenIndex ? null : index)}
              />
            );
          }}
        />
        {chosen !== undefined && (
          <section
            aria-label={`Message ${chosen.seq}`}
            className="flex max-h-[50%] min-h-0 flex-col border-t border-line bg-sunken"
          >
            <div className="flex items-center gap-1 border-b border-line py-1 pr-2 pl-4">
              <p className="flex-1 font-medium">Message {chosen.seq}</p>
              <CopyButton text={() => pretty(chosen)} label="Copy the message" />
              <IconButton label="Close the message" onClick={() => setChosenIndex(null)}>
                <X aria-hidden className="size-3.5" />
              </IconButton>
            </div>
            <pre className="code overflow-auto px-4 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]">
              {pretty(chosen).slice(0, 500_000)}
            </pre>
          </section>
        )}
      </div>
    </div>
  );
};
