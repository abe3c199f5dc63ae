import type { ListedRun } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useApi } from "../../api/client.ts";
import { IconButton } from "../../ui/button.tsx";
import { useToasts } from "../../ui/toast.tsx";

// One step up or down is enough: most runs have none.
const STEP = 10;
const MOST = 100;

/** Moves queued runs; `shown` is a run as it is about to be. */
export const usePriority = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const move = useMutation(
    trpc.runs.setPriority.mutationOptions({
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.runs.pathKey() }),
    }),
  );
  return {
    shown: (run: ListedRun): ListedRun =>
      move.isPending && move.variables.id === run.id ? { ...run, priority: move.variables.priority } : run,
    busyId: move.isPending ? move.variables.id : null,
    by: ({ id, priority }: ListedRun, by: number) =>
      move.mutate({ id, priority: Math.max(-MOST, Math.min(MOST, priority + by)) }),
  };
};

/** Lets a queued run start sooner or later. */
export const PriorityButtons = ({ run, priority }: { run: ListedRun; priority: ReturnType<typeof usePriority> }) => (
  <>
    <IconButton
      label={`Start ${run.taskName} sooner`}
      disabled={priority.busyId !== null || run.priority >= MOST}
      onClick={() => priority.by(run, STEP)}
    >
      <ArrowUp aria-hidden className="size-3.5" />
    </IconButton>
    <IconButton
      label={`Start ${run.taskName} later`}
      disabled={priority.busyId !== null || run.priority <= -MOST}
      onClick={() => priority.by(run, -STEP)}
    >
      <ArrowDown aria-hidden className="size-3.5" />
    </IconButton>
  </>
);
