import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useApi } from "../api/client.ts";
import { isUnanswered } from "../api/errors.ts";

/** A server that is started again is there by then. */
const TRIES = 4;
const AGAIN_MS = 1000;

/** Whether to ask once more: the key of the launch makes sure that asking twice makes one run. */
const retry = (failures: number, error: unknown): boolean => isUnanswered(error) && failures < TRIES;

/** Starts a run from a few words and goes to its page; `onStarted` is called before that, when the server has it. */
export const useStart = (onStarted: () => void) => {
  const { trpc, queries } = useApi();
  const navigate = useNavigate();
  return useMutation(
    trpc.runs.start.mutationOptions({
      retry,
      retryDelay: AGAIN_MS,
      onSuccess: async ({ id }) => {
        onStarted();
        void queries.invalidateQueries({ queryKey: trpc.runs.pathKey() });
        void queries.invalidateQueries({ queryKey: trpc.repositories.recent.queryKey() });
        await navigate({ to: "/runs/$runId", params: { runId: id } });
      },
    }),
  );
};
