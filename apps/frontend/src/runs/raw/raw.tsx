import { isFinal, type Message, type Run } from "@ccr/protocol";
import { Download, Hourglass, X } from "lucide-react";
import { useState } from "react";
import { buttonClasses, IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { DownloadLink } from "../../ui/download-link.tsx";
import { EmptyState, LoadError } from "../../ui/feedback.tsx";
import { plural } from "../../ui/format.ts";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import { prettyMessage } from "./pretty.ts";
import { useMessagePages } from "./use-message-pages.ts";

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

/** The messages as they are stored, one a line, read as one scrolls; the chosen one in full below them. `count`: how many there are. */
export const RawView = ({ run, count }: { run: Run; count: number }) => {
  const [chosen, setChosen] = useState<Message | null>(null);
  const [seen, setSeen] = useState({ first: 1, last: 1 });
  const pages = useMessagePages(run.id, seen, count);
  if (count === 0) {
    const ended = isFinal(run.status);
    return (
      <EmptyState icon={Hourglass} title={ended ? "There is no message" : "No message yet"}>
        {ended ? "The run ended before anything happened in it." : "The first one comes when the run starts."}
      </EmptyState>
    );
  }
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2">
        <p className="min-w-0 flex-1">{plural(count, "message")}</p>
        <DownloadLink href={`/runs/${run.id}/transcript.jsonl`} className={buttonClasses("secondary", "sm")}>
          <Download aria-hidden className="size-3.5" /> Download JSON lines
        </DownloadLink>
      </div>
      {pages.error !== null && <LoadError error={pages.error} onRetry={pages.retry} />}
      <div className="flex min-h-0 flex-1 flex-col">
        <VirtualRows
          label="Messages"
          count={count}
          rowHeight={24}
          className="py-1"
          onRange={(first, last) => setSeen({ first: first + 1, last: last + 1 })}
          render={(index) => {
            const message = pages.at(index + 1);
            if (message === undefined) return <p className="code h-6 px-4 text-ink-faint">{index + 1}</p>;
            const isChosen = message.seq === chosen?.seq;
            return <MessageLine message={message} chosen={isChosen} onChoose={() => setChosen(isChosen ? null : message)} />;
          }}
        />
        {chosen !== null && (
          <section
            aria-label={`Message ${chosen.seq}`}
            className="flex max-h-[50%] min-h-0 flex-col border-t border-line bg-sunken"
          >
            <div className="flex items-center gap-1 border-b border-line py-1 pr-2 pl-4">
              <p className="flex-1 font-medium">Message {chosen.seq}</p>
              <CopyButton text={() => prettyMessage(chosen)} label="Copy the message" />
              <IconButton label="Close the message" onClick={() => setChosen(null)}>
                <X aria-hidden className="size-3.5" />
              </IconButton>
            </div>
            <pre className="code overflow-auto px-4 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]">
              {prettyMessage(chosen).slice(0, 500_000)}
            </pre>
          </section>
        )}
      </div>
    </div>
  );
};
