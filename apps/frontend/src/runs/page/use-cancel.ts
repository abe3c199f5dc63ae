import { isFinal, outcomeOf, type RunId, type RunView } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useApi } from "../../api/client.ts";
import { usePending } from "../../api/use-pending.ts";
import { useToasts } from "../../ui/toast.tsx";

/** What is asked before. */
export const CANCEL_QUESTION = {
  title: "Cancel this run?",
  text: "Claude Code is stopped. What it has changed so far is saved with the run.",
  action: "Cancel the run",
};

/** Cancels a run; `useAsCanceled` shows it at once, and a refusal is told. */
export const useCancel = (id: RunId): (() => void) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.byId.queryKey({ id });
  const { mutate } = useMutation(
    trpc.runs.cancel.mutationOptions({
      // A run that was canceled has no place in the queue.
      onSuccess: (next) => queries.setQueryData(queryKey, { ...next, queue: null, outcome: outcomeOf(next) }),
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey }),
    }),
  );
  return () => mutate({ id });
};

/** The run as it is about to be while it is being canceled; as the server tells it when that was refused. */
export const useAsCanceled = (run: RunView): RunView => {
  const { trpc } = useApi();
  const isAsked = usePending(trpc.runs.cancel.mutationKey()).includes(run.id);
  return isAsked && !isFinal(run.status) ? { ...run, status: "canceling", queue: null } : run;
};
