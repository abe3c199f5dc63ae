import { z } from "zod";
import { followPages, type ReadAnswer } from "../answers.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import type { CiCheck } from "../types.ts";
import { type GitHubRequest, pageOf } from "./client.ts";

/** A check as GitHub has it; `jobId` leads to the log of a job of GitHub Actions, `text` is what is said of it in words. */
export type GitHubCheck = Omit<CiCheck, "log"> & { jobId: number | null; text: string | null };

const Conclusion = z.object({ status: z.string(), conclusion: z.string().nullish() });
const CheckRun = Conclusion.extend({
  id: z.number().int(),
  name: z.string(),
  html_url: z.string().nullish(),
  details_url: z.string().nullish(),
  app: z.object({ slug: z.string().optional() }).nullish(),
  output: z.object({ title: z.string().nullish(), summary: z.string().nullish(), text: z.string().nullish() }).nullish(),
});
const CheckRuns = z.object({ check_runs: z.array(CheckRun) });
const Statuses = z.object({
  statuses: z.array(
    z.object({
      context: z.string(),
      state: z.string(),
      target_url: z.string().nullish(),
      description: z.string().nullish(),
    }),
  ),
});
const WorkflowRuns = z.object({ workflow_runs: z.array(z.object({ id: z.number().int() })) });
const Jobs = z.object({
  jobs: z.array(Conclusion.extend({ id: z.number().int(), name: z.string(), html_url: z.string().nullish() })),
});

const stateOf = ({ status, conclusion }: z.infer<typeof Conclusion>): CiCheck["state"] => {
  if (status !== "completed") return "pending";
  return conclusion === "success" || conclusion === "neutral" || conclusion === "skipped" ? "passed" : "failed";
};

const fromCheckRun = (run: z.infer<typeof CheckRun>): GitHubCheck => {
  const words = [run.output?.title, run.output?.summary, run.output?.text].filter((text) => Boolean(text));
  return {
    name: run.name,
    state: stateOf(run),
    url: run.html_url ?? run.details_url ?? null,
    // For jobs of GitHub Actions, and for no other checks, the check's id is the job's.
    jobId: run.app?.slug === "github-actions" ? run.id : null,
    text: words.length === 0 ? null : words.join("\n\n"),
  };
};

interface Wanted {
  api: GitHubRequest;
  at: { owner: string; repo: string };
  commit: string;
  read: ReadAnswer;
}

const listCheckRuns = ({ api, at, commit, read }: Wanted): Promise<GitHubCheck[]> =>
  followPages(async (page) => {
    const route = "GET /repos/{owner}/{repo}/commits/{ref}/check-runs";
    const { data, headers } = await unwrapped(() => api(route, { ...at, ref: commit, per_page: 100, page }));
    return pageOf(read(CheckRuns, data).check_runs.map(fromCheckRun), headers);
  });

/** The jobs of GitHub Actions alone; a fine-grained token may see these, and never a private repository's checks. */
const listJobs = async ({ api, at, commit, read }: Wanted): Promise<GitHubCheck[]> => {
  const runs = await followPages(async (page) => {
    const { data, headers } = await api("GET /repos/{owner}/{repo}/actions/runs", {
      ...at,
      head_sha: commit,
      per_page: 100,
      page,
    });
    return pageOf(read(WorkflowRuns, data).workflow_runs, headers);
  });
  const found: GitHubCheck[] = [];
  for (const { id } of runs) {
    const jobs = await followPages(async (page) => {
      const route = "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs";
      const { data, headers } = await api(route, { ...at, run_id: id, filter: "latest", per_page: 100, page });
      return pageOf(read(Jobs, data).jobs, headers);
    });
    for (const job of jobs)
      found.push({ name: job.name, state: stateOf(job), url: job.html_url ?? null, jobId: job.id, text: null });
  }
  return found;
};

const listStatuses = ({ api, at, commit, read }: Wanted): Promise<GitHubCheck[]> =>
  followPages(async (page) => {
    const { data, headers } = await api("GET /repos/{owner}/{repo}/commits/{ref}/status", {
      ...at,
      ref: commit,
      per_page: 100,
      page,
    });
    const items = read(Statuses, data).statuses.map(
      ({ context, state, target_url, description }): GitHubCheck => ({
        name: context,
        state: state === "success" ? "passed" : state === "pending" ? "pending" : "failed",
        url: target_url ?? null,
        jobId: null,
        text: description ?? null,
      }),
    );
    return pageOf(items, headers);
  });

/** Check runs and commit statuses, the latest of each. */
export const listChecks = async (wanted: Wanted): Promise<GitHubCheck[]> => {
  const statuses = await listStatuses(wanted);
  try {
    return [...(await listCheckRuns(wanted)), ...statuses];
  } catch (error) {
    if (!(error instanceof ForgeError) || error.kind !== "forbidden") throw error;
    return [...(await listJobs(wanted)), ...statuses];
  }
};
