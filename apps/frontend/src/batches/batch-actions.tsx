import type { BatchId, BatchView } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { CircleStop, Pause, Play, RotateCw } from "lucide-react";
import { useApi } from "../api/client.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { plural } from "../ui/format.ts";
import { useToasts } from "../ui/toast.tsx";

/** Brings what is shown of batches up to date, and what is shown of their runs. */
export const useRefreshBatches = (): (() => Promise<void>) => {
  const { trpc, queries } = useApi();
  return async () => {
    const keys = [
      trpc.batches.byId.queryKey(),
      trpc.batches.list.queryKey(),
      trpc.batches.runs.queryKey(),
      trpc.runs.list.queryKey(),
    ];
    await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
};

const PauseButton = ({ id, paused }: { id: BatchId; paused: boolean }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const refresh = useRefreshBatches();
  const handlers = {
    onSuccess: (next: BatchView) => queries.setQueryData(trpc.batches.byId.queryKey({ id }), next),
    onError: toasts.error,
    onSettled: refresh,
  };
  const pause = useMutation(trpc.batches.pause.mutationOptions(handlers));
  const resume = useMutation(trpc.batches.resume.mutationOptions(handlers));
  return paused ? (
    <Button tone="primary" busy={resume.isPending} onClick={() => resume.mutate({ id })}>
      <Play aria-hidden className="size-3.5" /> Resume
    </Button>
  ) : (
    <Button busy={pause.isPending} onClick={() => pause.mutate({ id })} title="Nothing more of it starts; what goes on goes on">
      <Pause aria-hidden className="size-3.5" /> Pause
    </Button>
  );
};

const CancelButton = ({ batch }: { batch: BatchView }) => {
  const { trpc } = useApi();
  const toasts = useToasts();
  const refresh = useRefreshBatches();
  const cancel = useMutation(trpc.batches.cancel.mutationOptions({ onError: toasts.error, onSettled: refresh }));
  const left = batch.progress.total - batch.progress.done;
  return (
    <Confirm
      title="Cancel this batch?"
      action="Cancel the batch"
      onConfirm={() => cancel.mutate({ id: batch.id })}
      trigger={
        <Button tone="danger" busy={cancel.isPending}>
          <CircleStop aria-hidden className="size-3.5" /> Cancel
        </Button>
      }
    >
      {plural(left, "run")} that {left === 1 ? "has" : "have"} not ended {left === 1 ? "is" : "are"} canceled. What was changed so
      far is saved with each.
    </Confirm>
  );
};

const RetryButton = ({ batch }: { batch: BatchView }) => {
  const { trpc } = useApi();
  const toasts = useToasts();
  const refresh = useRefreshBatches();
  const retry = useMutation(
    trpc.batches.retry.mutationOptions({
      onSuccess: ({ launched }) => toasts.ok(`${plural(launched, "run")} launched again.`),
      onError: toasts.error,
      onSettled: refresh,
    }),
  );
  const { retriable } = batch.counts;
  return (
    <Confirm
      title={`Launch ${plural(retriable, "run")} again?`}
      action="Launch again"
      keep="Not now"
      tone="primary"
      onConfirm={() => retry.mutate({ id: batch.id })}
      trigger={
        <Button busy={retry.isPending}>
          <RotateCw aria-hidden className="size-3.5" /> Launch {retriable.toLocaleString("en")} again
        </Button>
      }
    >
      Each run that ended without passing is launched once more, as it was launched before. The new run takes its row; the old one
      stays among the runs, and its cost counts.
    </Confirm>
  );
};

/** What can be done with a batch as it is. */
export const BatchActions = ({ batch }: { batch: BatchView }) => {
  const hasEnded = batch.progress.done === batch.progress.total;
  return (
    <>
      {batch.counts.retriable > 0 && <RetryButton batch={batch} />}
      {!hasEnded && batch.state !== "canceled" && <PauseButton id={batch.id} paused={batch.state === "paused"} />}
      {!hasEnded && batch.state !== "canceled" && <CancelButton batch={batch} />}
    </>
  );
};
