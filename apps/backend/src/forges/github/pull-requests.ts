import { z } from "zod";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { noteOf } from "../notes.ts";
import type { NewPullRequest, PullRequest, PullRequests } from "../types.ts";
import type { GitHubClient, GitHubRequest } from "./client.ts";

const Answer = z.object({
  number: z.number().int(),
  html_url: z.string(),
  state: z.enum(["open", "closed"]),
  merged_at: z.string().nullish(),
  draft: z.boolean().nullish(),
  title: z.string(),
  head: z.object({ sha: z.string(), ref: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
  base: z.object({ ref: z.string() }),
});
const Repository = z.object({ default_branch: z.string() });

const fromAnswer = (answer: z.infer<typeof Answer>): PullRequest => ({
  number: answer.number,
  url: answer.html_url,
  state: answer.merged_at ? "merged" : answer.state,
  headCommit: answer.head.sha,
  headBranch: answer.head.ref,
  baseBranch: answer.base.ref,
  isDraft: answer.draft ?? false,
  title: answer.title,
});

type At = { owner: string; repo: string };

/** Who is asked to review, as GitHub takes it: a team by its short name. */
const reviewersOf = (names: readonly string[]) => ({
  reviewers: names.filter((name) => !name.includes("/")),
  team_reviewers: names.filter((name) => name.includes("/")).map((name) => name.slice(name.indexOf("/") + 1)),
});

/** Pull requests on one GitHub. */
export const createGitHubPullRequests = (access: HostAccess, client: GitHubClient): PullRequests => {
  const { read } = access;
  const toPullRequest = (data: unknown): PullRequest => fromAnswer(read(Answer, data));

  const find = async (api: GitHubRequest, at: At, headBranch: string): Promise<PullRequest | null> => {
    const { data } = await api("GET /repos/{owner}/{repo}/pulls", { ...at, state: "open", head: `${at.owner}:${headBranch}` });
    // A fork's owner can bear the name that a renamed owner had; and a filter that a host does not understand gives everything.
    const own = read(z.array(Answer), data).find(
      ({ head }) => head.ref === headBranch && head.repo?.full_name.toLowerCase() === `${at.owner}/${at.repo}`.toLowerCase(),
    );
    return own === undefined ? null : fromAnswer(own);
  };

  const create = async (
    api: GitHubRequest,
    at: At,
    wanted: NewPullRequest,
  ): Promise<{ pullRequest: PullRequest; notes: string[] }> => {
    const post = async (draft: boolean) => {
      const { title, body, headBranch: head, baseBranch: base } = wanted;
      return toPullRequest((await api("POST /repos/{owner}/{repo}/pulls", { ...at, title, body, head, base, draft })).data);
    };
    try {
      return { pullRequest: await unwrapped(() => post(wanted.draft)), notes: [] };
    } catch (error) {
      if (!(error instanceof ForgeError) || error.status !== 422) throw error;
      // Somebody else, or we before a restart, may have been faster.
      const found = await find(api, at, wanted.headBranch);
      if (found !== null) return { pullRequest: found, notes: [] };
      if (!wanted.draft || !/draft/i.test(error.said)) throw error;
      return {
        pullRequest: await post(false),
        notes: [`It was opened as ready for review: ${access.host} has no drafts in this repository.`],
      };
    }
  };

  const label = async (api: GitHubRequest, at: At, { number, labels }: { number: number; labels: readonly string[] }) => {
    if (labels.length === 0) return [];
    try {
      await unwrapped(() =>
        api("POST /repos/{owner}/{repo}/issues/{issue_number}/labels", { ...at, issue_number: number, labels: [...labels] }),
      );
      return [];
    } catch (error) {
      return [noteOf(error, `The labels ${labels.join(", ")} could not be set`)];
    }
  };

  const requestReview = async (api: GitHubRequest, at: At, { number, names }: { number: number; names: readonly string[] }) => {
    const ask = (some: readonly string[]) =>
      unwrapped(() =>
        api("POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", {
          ...at,
          pull_number: number,
          ...reviewersOf(some),
        }),
      );
    if (names.length === 0) return [];
    try {
      await ask(names);
      return [];
    } catch (error) {
      if (names.length === 1) return [noteOf(error, `${names[0]} could not be asked to review`)];
    }
    // One wrong name makes GitHub refuse all of them.
    const notes: string[] = [];
    for (const name of names)
      await ask([name]).catch((error: unknown) => notes.push(noteOf(error, `${name} could not be asked to review`)));
    return notes;
  };

  const get: PullRequests["get"] = ({ repository, number }, signal) =>
    unwrapped(async () => {
      const { api, at } = await client.of(repository, signal);
      return toPullRequest((await api("GET /repos/{owner}/{repo}/pulls/{pull_number}", { ...at, pull_number: number })).data);
    }, signal);

  const patch = (
    { repository, number }: { repository: string; number: number },
    change: { title?: string; body?: string; state?: "closed" },
    signal: AbortSignal,
  ): Promise<PullRequest> =>
    unwrapped(async () => {
      const { api, at } = await client.of(repository, signal);
      return toPullRequest(
        (await api("PATCH /repos/{owner}/{repo}/pulls/{pull_number}", { ...at, pull_number: number, ...change })).data,
      );
    }, signal);

  return {
    findOpen: ({ repository, headBranch }, signal) =>
      unwrapped(async () => {
        const { api, at } = await client.of(repository, signal);
        return find(api, at, headBranch);
      }, signal),
    open: (wanted, signal) =>
      unwrapped(async () => {
        const { api, at } = await client.of(wanted.repository, signal);
        const found = await find(api, at, wanted.headBranch);
        const { pullRequest, notes } = found === null ? await create(api, at, wanted) : { pullRequest: found, notes: [] };
        const { number } = pullRequest;
        const labelNotes = await label(api, at, { number, labels: wanted.labels });
        const reviewNotes = await requestReview(api, at, { number, names: wanted.reviewers });
        signal.throwIfAborted();
        return { pullRequest, notes: [...notes, ...labelNotes, ...reviewNotes] };
      }, signal),
    update: ({ repository, number, title, body }, signal) =>
      patch(
        { repository, number },
        { ...(title === undefined ? {} : { title }), ...(body === undefined ? {} : { body }) },
        signal,
      ),
    get,
    close: async (which, signal) => {
      const now = await get(which, signal);
      return now.state === "open" ? patch(which, { state: "closed" }, signal) : now;
    },
    defaultBranch: (repository, signal) =>
      unwrapped(async () => {
        const { api, at } = await client.of(repository, signal);
        return read(Repository, (await api("GET /repos/{owner}/{repo}", at)).data).default_branch;
      }, signal),
  };
};
