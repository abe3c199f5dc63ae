import type { RunId } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { useApi } from "../api/client.ts";
import { newIdempotencyKey } from "../launch/launch-keys.ts";
import { useToasts } from "../ui/toast.tsx";

/** Launches the steps of a run once more, as it has them. Asked once more after an answer that was lost, it makes no second one. */
export const useRetry = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const navigate = useNavigate();
  const keys = useRef(new Map<string, string>());
  const retry = useMutation(
    trpc.runs.retry.mutationOptions({
      onSuccess: (made, { id }) => {
        keys.current.delete(id);
        const open = (): void => void navigate({ to: "/runs/$runId", params: { runId: made.id } });
        toasts.news("ok", "Launched again.", { label: "Open the run", run: open });
      },
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.runs.pathKey() }),
    }),
  );
  return {
    busyId: retry.isPending ? retry.variables.id : null,
    launch: (id: RunId): void => {
      const key = keys.current.get(id) ?? newIdempotencyKey();
      keys.current.set(id, key);
      retry.mutate({ id, idempotencyKey: key });
    },
  };
};
