import { isFinal, type ListedRun, outcomeOf, type RunId } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useApi } from "../../api/client.ts";
import { newIdempotencyKey } from "../../launch/launch-keys.ts";
import { useToasts } from "../../ui/toast.tsx";
import { type Told, toldOfCancel, toldOfRetry } from "./told.ts";

type Doing = "cancel" | "retry";
const none: ReadonlyMap<string, Doing> = new Map();

/** A run as it is about to be. Pure. */
export const asDone = (run: ListedRun, doing: Doing | undefined): ListedRun => {
  if (doing !== "cancel" || isFinal(run.status)) return run;
  const status = run.status === "queued" ? "canceled" : "canceling";
  const reason = status === "canceled" ? "canceled" : null;
  const next = { ...run, status, reason, queue: null } as const;
  return { ...next, outcome: outcomeOf(next) };
};

/** Cancels and launches again many runs. They are shown as they are about to be at once, and as they were when the server did not do it. */
export const useBulk = (onDone: () => void) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const [pending, setPending] = useState(none);
  const [told, setTold] = useState<Told | null>(null);
  const key = useRef<{ of: string; key: string } | null>(null);
  const begin = (ids: readonly string[], doing: Doing): void => {
    setTold(null);
    setPending(new Map(ids.map((id) => [id, doing])));
  };
  const settle = async (): Promise<void> => {
    await queries.invalidateQueries({ queryKey: trpc.runs.pathKey() });
    setPending(none);
  };
  const cancel = useMutation(
    trpc.runs.cancelMany.mutationOptions({
      onMutate: ({ ids }) => begin(ids, "cancel"),
      onSuccess: (results) => {
        setTold(toldOfCancel(results));
        onDone();
      },
      onError: toasts.error,
      onSettled: settle,
    }),
  );
  const retry = useMutation(
    trpc.runs.retryMany.mutationOptions({
      onMutate: ({ ids }) => begin(ids, "retry"),
      onSuccess: (results) => {
        key.current = null;
        setTold(toldOfRetry(results));
        onDone();
      },
      onError: toasts.error,
      onSettled: settle,
    }),
  );
  return {
    busy: cancel.isPending || retry.isPending,
    pending,
    told,
    forget: () => setTold(null),
    cancel: (ids: RunId[]) => cancel.mutate({ ids }),
    /** Asked for once more after an answer that was lost, nothing is launched twice. */
    retry: (ids: RunId[]) => {
      const of = ids.join();
      if (key.current?.of !== of) key.current = { of, key: newIdempotencyKey() };
      retry.mutate({ ids, idempotencyKey: key.current.key });
    },
  };
};
