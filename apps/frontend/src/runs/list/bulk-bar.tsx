import type { RunFilter, RunId, RunStatus } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { CircleStop, RotateCw, X } from "lucide-react";
import { useApi } from "../../api/client.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { plural } from "../../ui/format.ts";
import { useToasts } from "../../ui/toast.tsx";
import { doable, type Selection } from "./selection.ts";

/** What can be done with the runs that are chosen. */
export const BulkBar = ({
  selection,
  current,
  filter,
  hasMore,
  busy,
  onSelect,
  onCancel,
  onRetry,
}: {
  selection: Selection;
  /** A run's status as it is known last. */
  current: (id: RunId) => RunStatus | undefined;
  filter: RunFilter;
  /** There are more that fit than those that are shown. */
  hasMore: boolean;
  busy: boolean;
  onSelect: (selection: Selection | null) => void;
  onCancel: (ids: RunId[]) => void;
  onRetry: (ids: RunId[]) => void;
}) => {
  const { client } = useApi();
  const toasts = useToasts();
  const { cancel, retry } = doable(selection, current);
  const all = useMutation({
    mutationFn: () => client.runs.select.query(filter),
    onSuccess: ({ runs }) => onSelect({ runs: new Map(runs.map(({ id, status }) => [id, status])), anchor: null }),
    onError: toasts.error,
  });
  const isNewestOnly = all.data?.isWhole === false && selection.runs.size === all.data.runs.length;
  return (
    <section
      aria-label="Chosen runs"
      className="sticky bottom-3 z-20 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl border border-line bg-surface px-4 py-2.5 shadow-float"
    >
      <p role="status" className="nums font-medium">
        {plural(selection.runs.size, "run")} chosen
        {isNewestOnly && <span className="font-normal text-ink-soft">: the newest, as many as one call takes</span>}
      </p>
      {hasMore && (
        <Button size="sm" tone="ghost" busy={all.isPending} onClick={() => all.mutate()}>
          Choose all that fit
        </Button>
      )}
      <div className="ml-auto flex flex-wrap items-center gap-2">
        <Confirm
          trigger={
            <Button size="sm" tone="danger" disabled={busy || cancel.length === 0}>
              <CircleStop aria-hidden className="size-3.5" /> Cancel {cancel.length > 0 && cancel.length.toLocaleString("en")}
            </Button>
          }
          title={`Cancel ${plural(cancel.length, "run")}?`}
          action={`Cancel ${plural(cancel.length, "run")}`}
          keep="Keep them"
          onConfirm={() => onCancel(cancel)}
        >
          What they did until now is kept. Those that end by themselves meanwhile stay as they are.
        </Confirm>
        <Confirm
          trigger={
            <Button size="sm" disabled={busy || retry.length === 0}>
              <RotateCw aria-hidden className="size-3.5" /> Launch again {retry.length > 0 && retry.length.toLocaleString("en")}
            </Button>
          }
          title={`Launch ${plural(retry.length, "run")} again?`}
          action={`Launch ${plural(retry.length, "run")}`}
          keep="Not now"
          tone="primary"
          onConfirm={() => onRetry(retry)}
        >
          Each does once more what it did: the same steps, repositories and limits, in a new sandbox. The model is paid for again.
        </Confirm>
        <IconButton label="Choose none" onClick={() => onSelect(null)}>
          <X aria-hidden className="size-3.5" />
        </IconButton>
      </div>
    </section>
  );
};
