import type { Message, RunId } from "@ccr/protocol";
import { useQueries } from "@tanstack/react-query";
import { useApi } from "../../api/client.ts";

/** So many messages are read at once. */
const PAGE = 100;
/** Pages out of sight are forgotten after so long. */
const KEPT_MS = 30_000;

/** Messages of a run by their numbers, those that are in sight read from the server. `lastSeq`: the newest there is. */
export const useMessagePages = (
  runId: RunId,
  seen: { first: number; last: number },
  lastSeq: number,
): { at: (seq: number) => Message | undefined; error: Error | null; retry: () => void } => {
  const { client } = useApi();
  const from = Math.max(0, Math.floor((seen.first - 1) / PAGE));
  const to = Math.max(from, Math.floor((Math.min(seen.last, lastSeq) - 1) / PAGE));
  const queries = useQueries({
    queries: Array.from({ length: Math.min(8, to - from + 1) }, (_, index) => {
      const after = (from + index) * PAGE;
      const count = Math.min(PAGE, lastSeq - after);
      return {
        // A page that was not full is another one when there is more; a stored message never changes.
        queryKey: ["message-page", runId, after, count],
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: KEPT_MS,
        placeholderData: (before: Message[] | undefined) => before,
        queryFn: ({ signal }: { signal: AbortSignal }): Promise<Message[]> =>
          client.runs.messages.query({ id: runId, after, limit: count }, { signal }),
      };
    }),
  });
  const failed = queries.find(({ error }) => error !== null);
  return {
    at: (seq) => {
      const page = queries[Math.floor((seq - 1) / PAGE) - from]?.data;
      const message = page?.[(seq - 1) % PAGE];
      return message?.seq === seq ? message : undefined;
    },
    error: failed?.error ?? null,
    retry: () => void failed?.refetch(),
  };
};
