import type { ListedRun } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useApi } from "../api/client.ts";
import { describeActivity } from "../runs/entries/activity.ts";
import { emptyTranscript, extendTranscript } from "../runs/entries/derive.ts";

/** The last few messages say what goes on; what was before is for the run's page. */
const LAST = 12;

/** What a run does at this moment, in words, from its newest messages; null as long as nothing particular is known. No stream is kept open. */
export const useActivity = ({ id, lastSeq }: Pick<ListedRun, "id" | "lastSeq">): string | null => {
  const { client } = useApi();
  const held = useRef(emptyTranscript());
  const { data } = useQuery({
    queryKey: ["activity", id, lastSeq],
    queryFn: async ({ signal }) => {
      const after = Math.max(held.current.lastSeq, lastSeq - LAST);
      const messages = after >= lastSeq ? [] : await client.runs.messages.query({ id, after, limit: LAST }, { signal });
      // Of what was left out, some calls may have ended.
      const before = after > held.current.lastSeq ? emptyTranscript() : held.current;
      held.current = extendTranscript(before, messages);
      return describeActivity(held.current.activity);
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 5000,
    placeholderData: (before) => before,
  });
  return data ?? null;
};
