import { z } from "zod";
import { followPages } from "../answers.ts";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { noteOf } from "../notes.ts";
import type { NewPullRequest, PullRequest, PullRequests } from "../types.ts";
import { type GiteaApi, type GiteaAt, type GiteaClient, listOf, PAGE_SIZE, pageOf } from "./client.ts";
import { setLabels } from "./labels.ts";

const Answer = z.object({
  number: z.number().int(),
  html_url: z.string(),
  state: z.string(),
  merged: z.boolean().nullish(),
  draft: z.boolean().nullish(),
  title: z.string(),
  head: z.object({ sha: z.string().nullish(), ref: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
  base: z.object({ ref: z.string() }),
});
const Repository = z.object({ default_branch: z.string() });

/** The first of the marks that a host knows unless it is told others. */
const DRAFT = "WIP: ";
const DRAFT_MARK = /^(WIP:|\[WIP\])\s*/i;

const fromAnswer = (answer: z.infer<typeof Answer>): PullRequest => ({
  number: answer.number,
  url: answer.html_url,
  state: answer.merged ? "merged" : answer.state === "open" ? "open" : "closed",
  headCommit: answer.head.sha || null,
  headBranch: answer.head.ref,
  baseBranch: answer.base.ref,
  isDraft: answer.draft ?? DRAFT_MARK.test(answer.title),
  title: answer.title.replace(DRAFT_MARK, ""),
});

/** Pull requests on one Gitea or Forgejo. */
export const createGiteaPullRequests = (access: HostAccess, client: GiteaClient): PullRequests => {
  const { read } = access;
  const toPullRequest = (data: unknown): PullRequest => fromAnswer(read(Answer, data));

  const find = async (api: GiteaApi, repository: string, headBranch: string): Promise<PullRequest | null> => {
    const isOwn = ({ head }: z.infer<typeof Answer>): boolean =>
      head.ref === headBranch && head.repo?.full_name.toLowerCase() === repository.toLowerCase();
    // Gitea cannot be asked for a branch alone.
    const found = await followPages(
      async (page) => {
        const { data, headers } = await api.repos.repoListPullRequests(...client.at(repository), {
          state: "open",
          limit: PAGE_SIZE,
          page,
        });
        const answer = pageOf(read(listOf(Answer), data), page, headers);
        return { ...answer, items: answer.items.filter(isOwn) };
      },
      { enough: 1 },
    );
    return found[0] === undefined ? null : fromAnswer(found[0]);
  };

  const create = async (api: GiteaApi, wanted: NewPullRequest): Promise<PullRequest> => {
    const { repository, headBranch: head, baseBranch: base, body } = wanted;
    const title = wanted.draft ? `${DRAFT}${wanted.title}` : wanted.title;
    try {
      return toPullRequest((await api.repos.repoCreatePullRequest(...client.at(repository), { title, body, head, base })).data);
    } catch (error) {
      if (!(error instanceof ForgeError) || error.status !== 409) throw error;
      // Somebody else, or we before a restart, may have been faster.
      const found = await find(api, repository, head);
      if (found === null) throw error;
      return found;
    }
  };

  const requestReview = async (api: GiteaApi, at: GiteaAt, { number, names }: { number: number; names: readonly string[] }) => {
    const notes: string[] = [];
    // One wrong name makes Gitea refuse all of them.
    for (const name of names) {
      const team = /^[^/]+\/(.+)$/.exec(name)?.[1];
      const who = team === undefined ? { reviewers: [name] } : { team_reviewers: [team] };
      try {
        await api.repos.repoCreatePullReviewRequests(...at, number, who);
      } catch (error) {
        notes.push(noteOf(error, `${name} could not be asked to review`));
      }
    }
    return notes;
  };

  const get: PullRequests["get"] = ({ repository, number }, signal) =>
    unwrapped(
      async () => toPullRequest((await client.bind(signal).repos.repoGetPullRequest(...client.at(repository), number)).data),
      signal,
    );

  const edit = (
    which: { repository: string; number: number },
    change: { title?: string; body?: string; state?: string },
    signal: AbortSignal,
  ) =>
    unwrapped(
      async () =>
        toPullRequest(
          (await client.bind(signal).repos.repoEditPullRequest(...client.at(which.repository), which.number, change)).data,
        ),
      signal,
    );

  return {
    findOpen: ({ repository, headBranch }, signal) => unwrapped(() => find(client.bind(signal), repository, headBranch), signal),
    open: (wanted, signal) =>
      unwrapped(async () => {
        const api = client.bind(signal);
        const at = client.at(wanted.repository);
        const pullRequest = (await find(api, wanted.repository, wanted.headBranch)) ?? (await create(api, wanted));
        const { number } = pullRequest;
        const labelNotes = await setLabels({ api, at, read }, { number, labels: wanted.labels });
        const reviewNotes = await requestReview(api, at, { number, names: wanted.reviewers });
        return { pullRequest, notes: [...labelNotes, ...reviewNotes] };
      }, signal),
    update: async ({ repository, number, title, body }, signal) => {
      const isDraft = title !== undefined && (await get({ repository, number }, signal)).isDraft;
      const change = {
        ...(title === undefined ? {} : { title: isDraft ? `${DRAFT}${title}` : title }),
        ...(body === undefined ? {} : { body }),
      };
      return edit({ repository, number }, change, signal);
    },
    get,
    close: async (which, signal) => {
      const now = await get(which, signal);
      return now.state === "open" ? edit(which, { state: "closed" }, signal) : now;
    },
    defaultBranch: (repository, signal) =>
      unwrapped(
        async () => read(Repository, (await client.bind(signal).repos.repoGet(...client.at(repository))).data).default_branch,
        signal,
      ),
  };
};
