import { isFinal, type Run, type WorkspaceDiff } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "../../api/client.ts";

/** A going run's changes are looked at again so often; what is shown stays until it is asked for. */
const LOOK_AGAIN_MS = 15_000;

type Shown = { diff: WorkspaceDiff; at: number; isFinal: boolean };

/** A run's changes: those that are shown, and whether there are newer ones. */
export type Diff = {
  shown: Shown | null;
  /** Null: what is shown is the newest that is known. */
  newer: WorkspaceDiff | null;
  error: unknown;
  isFetching: boolean;
  /** Shows the newest. */
  adopt: () => void;
  /** Asks for them, and shows them. */
  refetch: () => void;
};

/** Follows a run's changes without moving what a person reads: newer ones are told of, and shown when they are asked for. */
export const useDiff = (run: Run): Diff => {
  const { trpc, client } = useApi();
  const ended = isFinal(run.status);
  const [shown, setShown] = useState<Shown | null>(null);
  // The final status is part of the key: what is kept of an ended run is never the work in progress of before.
  const query = useQuery({
    queryKey: [...trpc.runs.diff.queryKey({ id: run.id }), ended],
    queryFn: ({ signal }) => client.runs.diff.query({ id: run.id }, { signal }),
    enabled: run.baseCommit !== null,
    refetchOnWindowFocus: false,
    refetchInterval: ended ? false : LOOK_AGAIN_MS,
    staleTime: ended ? Number.POSITIVE_INFINITY : 0,
  });
  const { data, dataUpdatedAt, error, isFetching } = query;
  const newest: Shown | null = data === undefined ? null : { diff: data, at: dataUpdatedAt, isFinal: ended };
  const isSame = newest !== null && shown !== null && newest.diff.patch === shown.diff.patch;
  // Nobody reads what is not there, and nothing moves where nothing differs.
  const isFree = shown === null || shown.diff.files.length === 0 || isSame;
  if (newest !== null && isFree && (shown?.diff !== newest.diff || shown.at !== newest.at || shown.isFinal !== ended))
    setShown(newest);
  return {
    shown: isFree ? (newest ?? shown) : shown,
    newer: isFree ? null : (newest?.diff ?? null),
    error,
    isFetching,
    adopt: () => {
      if (newest !== null) setShown(newest);
    },
    refetch: () => {
      void query.refetch().then(({ data: got, dataUpdatedAt: at }) => {
        if (got !== undefined) setShown({ diff: got, at, isFinal: ended });
      });
    },
  };
};
