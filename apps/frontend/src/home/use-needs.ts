import type { RunId } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useRef } from "react";
import { useApi } from "../api/client.ts";
import { afterShown, showChanged } from "../api/optimistic.ts";
import { newIdempotencyKey } from "../launch/launch-keys.ts";
import { useToasts } from "../ui/toast.tsx";

/** Takes what ended badly from the list at once, and puts it back when the server does not. */
export const useDismiss = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.overview.queryKey();
  return useMutation(
    trpc.runs.dismiss.mutationOptions({
      onMutate: ({ ids }) =>
        showChanged(
          queries,
          queryKey,
          (overview) => overview && { ...overview, attention: overview.attention.filter(({ id }) => !ids.includes(id)) },
        ),
      ...afterShown(queries, [queryKey], toasts.error),
    }),
  );
};

/** Launches a run again. Asked once more after an answer that was lost, it makes no second one. */
export const useRetry = () => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const keys = useRef(new Map<string, string>());
  const retry = useMutation(
    trpc.runs.retry.mutationOptions({
      onSuccess: (_, { id }) => {
        keys.current.delete(id);
        toasts.ok("Launched again.");
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
