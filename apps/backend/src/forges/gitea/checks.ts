import { z } from "zod";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import type { CiCheck, Feedback } from "../types.ts";
import { type GiteaClient, listOf, PAGE_SIZE } from "./client.ts";

const Status = z.object({
  id: z.number().int(),
  context: z.string(),
  status: z.string(),
  target_url: z.string().nullish(),
  description: z.string().nullish(),
});
const Combined = z.object({ statuses: listOf(Status) });
const Job = z.object({ id: z.number().int(), name: z.string(), head_sha: z.string(), html_url: z.string().nullish() });
const Jobs = z.object({ jobs: listOf(Job) });

const PAGES_MAX = 50;
/** Of the repository's failed jobs, the newest first, so many are looked through. */
const JOBS_MAX = 100;

const stateOf = (status: string): CiCheck["state"] => {
  if (status === "pending") return "pending";
  return status === "success" || status === "warning" || status === "skipped" ? "passed" : "failed";
};

/** Results of continuous integration on one Gitea or Forgejo: commit statuses, with the logs of the host's own jobs. */
export const createGiteaChecks = (access: HostAccess, client: GiteaClient): Feedback["ciChecks"] => {
  const { read } = access;
  const webUrl = access.apiUrl.replace(/\/api\/v1$/, "/");
  const addressOf = (target: string | null | undefined): string | null =>
    target && URL.canParse(target, webUrl) ? new URL(target, webUrl).href : null;

  const listStatuses = async (repository: string, commit: string, signal: AbortSignal) => {
    const found = new Map<number, z.infer<typeof Status>>();
    // How many there are in all is not said, and a page can be shorter than was asked for.
    for (let page = 1; page <= PAGES_MAX; page++) {
      const before = found.size;
      const { data } = await client
        .bind(signal)
        .repos.repoGetCombinedStatusByRef(...client.at(repository), commit, { limit: PAGE_SIZE, page });
      for (const status of read(Combined, data).statuses) found.set(status.id, status);
      if (found.size === before) break;
    }
    return [...found.values()];
  };

  /** The job behind a status; null where the host has no jobs, or has them in no list that we know. */
  const findJob = async (of: { repository: string; commit: string; name: string; url: string }, signal: AbortSignal) => {
    const [owner, repo] = client.at(of.repository);
    const path = `/repos/${owner}/${repo}/actions/jobs`;
    const query = { status: "failure", limit: JOBS_MAX };
    const { data } = await client.bind(signal).request({ path, method: "GET", query });
    const jobs = read(Jobs, data).jobs.filter(({ head_sha }) => head_sha === of.commit);
    return (
      jobs.find(({ html_url }) => addressOf(html_url) === of.url) ??
      jobs.find(({ name }) => of.name.includes(` / ${name} (`)) ??
      null
    );
  };

  const readLog = async (of: { repository: string; commit: string; name: string; url: string }, signal: AbortSignal) => {
    try {
      const job = await findJob(of, signal);
      const [owner, repo] = client.at(of.repository);
      return job === null ? null : await client.readLog(`/repos/${owner}/${repo}/actions/jobs/${job.id}/logs`, signal);
    } catch (error) {
      // Forgejo, and Gitea before 1.24, have jobs without an API for them.
      if (error instanceof ForgeError && (error.kind === "not_found" || error.kind === "forbidden")) return null;
      throw error;
    }
  };

  return ({ repository, commit }, signal) =>
    unwrapped(async () => {
      const statuses = await listStatuses(repository, commit, signal);
      return statuses.map(({ context: name, status, target_url, description }): CiCheck => {
        const url = addressOf(target_url);
        const isJob = url?.includes("/actions/runs/") ?? false;
        return {
          name,
          state: stateOf(status),
          url,
          log: (until) =>
            unwrapped(
              async () =>
                (isJob && url !== null ? await readLog({ repository, commit, name, url }, until) : null) ?? (description || null),
              until,
            ),
        };
      });
    }, signal);
};
