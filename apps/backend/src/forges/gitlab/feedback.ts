import { z } from "zod";
import { inOrder, isBotName } from "../comments.ts";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import type { CiCheck, Feedback, ForgeComment } from "../types.ts";
import { type GitLabClient, PAGES } from "./client.ts";

const Status = z.object({
  id: z.number().int(),
  name: z.string(),
  status: z.string(),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
  allow_failure: z.boolean().nullish(),
});
type Status = z.infer<typeof Status>;
const Note = z.object({
  id: z.number().int(),
  author: z.object({ username: z.string() }).nullish(),
  body: z.string().nullish(),
  system: z.boolean().nullish(),
  created_at: z.string(),
  position: z
    .object({
      new_path: z.string().nullish(),
      old_path: z.string().nullish(),
      new_line: z.number().int().nullish(),
      old_line: z.number().int().nullish(),
    })
    .nullish(),
});

const stateOf = ({ status, allow_failure }: Status): CiCheck["state"] => {
  switch (status) {
    case "success":
    case "skipped":
      return "passed";
    case "failed":
    case "canceled":
    case "canceling":
      return allow_failure ? "passed" : "failed";
    case "manual":
      return allow_failure ? "passed" : "pending";
    default:
      return "pending";
  }
};

/** The last of each name: a branch and its merge request can have a pipeline each. */
const latest = (statuses: readonly Status[]): Status[] => [
  ...new Map(statuses.toSorted((a, b) => a.id - b.id).map((status) => [status.name, status])).values(),
];

/** What comes back about merge requests on one GitLab. */
export const createGitLabFeedback = (access: HostAccess, client: GitLabClient): Feedback => {
  const { read } = access;
  const webUrl = access.apiUrl.replace(/\/api\/v4$/, "");

  const fromNote = (
    note: z.infer<typeof Note>,
    { repository, number }: { repository: string; number: number },
  ): ForgeComment => ({
    id: String(note.id),
    author: note.author?.username ?? "ghost",
    isBot: isBotName(note.author?.username ?? ""),
    body: note.body ?? "",
    path: note.position?.new_path ?? note.position?.old_path ?? null,
    line: note.position?.new_line ?? note.position?.old_line ?? null,
    at: note.created_at,
    url: `${webUrl}/${repository}/-/merge_requests/${number}#note_${note.id}`,
  });

  /** A job's log; null for what is no job of GitLab's, or has none any more. */
  const readLog = async (repository: string, id: number, signal: AbortSignal): Promise<string | null> => {
    try {
      return await client.readLog(`/projects/${encodeURIComponent(repository)}/jobs/${id}/trace`, signal);
    } catch (error) {
      if (error instanceof ForgeError && (error.kind === "not_found" || error.kind === "forbidden")) return null;
      throw error;
    }
  };

  return {
    ciChecks: ({ repository, commit }, signal) =>
      unwrapped(async () => {
        const statuses = await client.bind(signal).commits.allStatuses(repository, commit, { all: false, ...PAGES });
        return latest(read(z.array(Status), statuses)).map((status): CiCheck => {
          const url = status.target_url ?? null;
          const isJob = url?.includes("/-/jobs/") ?? false;
          return {
            name: status.name,
            state: stateOf(status),
            url,
            log: (until) =>
              unwrapped(
                async () => (isJob ? await readLog(repository, status.id, until) : null) ?? (status.description || null),
                until,
              ),
          };
        });
      }, signal),
    comments: ({ repository, number }, signal) =>
      unwrapped(async () => {
        const notes = await client.bind(signal).notes.all(repository, number, { sort: "asc", orderBy: "created_at", ...PAGES });
        const said = read(z.array(Note), notes).filter(({ system }) => !system);
        return inOrder(said.map((note) => fromNote(note, { repository, number })));
      }, signal),
    comment: ({ repository, number, body }, signal) =>
      unwrapped(async () => {
        const note = read(Note, await client.bind(signal).notes.create(repository, number, body));
        return fromNote(note, { repository, number });
      }, signal),
  };
};
