import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useApi } from "../api/client.ts";

/** Launches a run and goes to its page; `onLaunched` is called before going there. Errors are the caller's to show. */
export const useLaunch = (onLaunched?: () => void) => {
  const { trpc, queries } = useApi();
  const navigate = useNavigate();
  return useMutation(
    trpc.runs.create.mutationOptions({
      onSuccess: async ({ id }) => {
        onLaunched?.();
        void queries.invalidateQueries({ queryKey: trpc.runs.list.queryKey() });
        await navigate({ to: "/runs/$runId", params: { runId: id } });
      },
    }),
  );
};

/** Launches a batch and goes to its page, as `useLaunch` does with a run. */
export const useLaunchBatch = (onLaunched?: () => void) => {
  const { trpc, queries } = useApi();
  const navigate = useNavigate();
  return useMutation(
    trpc.batches.create.mutationOptions({
      onSuccess: async ({ id }) => {
        onLaunched?.();
        void queries.invalidateQueries({ queryKey: trpc.runs.list.queryKey() });
        void queries.invalidateQueries({ queryKey: trpc.batches.list.queryKey() });
        await navigate({ to: "/batches/$batchId", params: { batchId: id } });
      },
    }),
  );
};
