import type { Message, RunId } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { Dialog } from "radix-ui";
import { useApi } from "../../api/client.ts";
import { buttonClasses } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { LoadError, Skeleton } from "../../ui/feedback.tsx";
import type { Entry } from "../entries/entry.ts";
import { prettyMessage } from "./pretty.ts";

const SHOWN_MAX = 500_000;

/** The messages that an entry tells of: the one that began it, and the one that ended it. */
const seqsOf = (entry: Entry): readonly number[] => {
  const end = entry.kind === "tool" ? entry.result : entry.kind === "judge" ? entry.end : null;
  return end === null ? [entry.seq] : [entry.seq, end.seq];
};

/** The messages of one entry as they are stored, read anew from the server. */
export const EntryMessages = ({ runId, entry, onClose }: { runId: RunId; entry: Entry; onClose: () => void }) => {
  const { client } = useApi();
  const seqs = seqsOf(entry);
  const query = useQuery({
    queryKey: ["entry-messages", runId, seqs],
    // A stored message never changes.
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }): Promise<Message[]> =>
      (
        await Promise.all(seqs.map((seq) => client.runs.messages.query({ id: runId, after: seq - 1, limit: 1 }, { signal })))
      ).flat(),
  });
  const text = (query.data ?? []).map(prettyMessage).join("\n\n");
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-[rgb(8_10_18/0.45)]" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed top-1/2 left-1/2 z-50 flex max-h-[85vh] w-[min(56rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col rounded-xl border border-line bg-surface shadow-float"
        >
          <div className="flex items-center gap-1 border-b border-line py-2 pr-2 pl-4">
            <Dialog.Title className="flex-1 font-medium">
              {seqs.length === 1 ? `Message ${seqs[0]}` : `Messages ${seqs.join(" and ")}`}
            </Dialog.Title>
            {text !== "" && <CopyButton text={() => text} label="Copy as JSON" />}
            <Dialog.Close aria-label="Close" title="Close" className={buttonClasses("ghost", "icon")}>
              <X aria-hidden className="size-3.5" />
            </Dialog.Close>
          </div>
          {query.error !== null ? (
            <LoadError error={query.error} onRetry={() => query.refetch()} />
          ) : query.data === undefined ? (
            <Skeleton rows={6} />
          ) : (
            <pre
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
              tabIndex={0}
              className="code inset-ring-focus overflow-auto px-4 py-3 whitespace-pre-wrap [overflow-wrap:anywhere]"
            >
              {text.slice(0, SHOWN_MAX)}
            </pre>
          )}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
};
