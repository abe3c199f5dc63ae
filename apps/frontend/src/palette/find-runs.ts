import { RunId, type RunView } from "@ccr/protocol";
import type { Client } from "../api/client.ts";
import { found } from "./matches.ts";

/** So far back is looked; the list of runs has more. */
const LOOKED_AT = 100;
const MOST = 8;

/** The newest runs in which a text is found: by the names of task and repository, or by a whole id. */
export const findRuns = async (client: Client, text: string, signal: AbortSignal): Promise<RunView[]> => {
  const id = RunId.safeParse(text.trim());
  if (id.success)
    return client.runs.byId.query({ id: id.data }, { signal }).then(
      (run) => [run],
      () => [],
    );
  const runs = await client.runs.list.query({ limit: LOOKED_AT }, { signal });
  return found(runs, text, { texts: ({ taskName, repository, id }) => [taskName, repository, id], most: MOST });
};
