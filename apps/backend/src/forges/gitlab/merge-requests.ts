import { z } from "zod";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { noteOf } from "../notes.ts";
import type { NewPullRequest, PullRequest, PullRequests } from "../types.ts";
import { type GitLabApi, type GitLabClient, PAGES } from "./client.ts";

const Person = z.object({ id: z.number().int(), username: z.string() });
const Answer = z.object({
  iid: z.number().int(),
  web_url: z.string(),
  state: z.string(),
  draft: z.boolean().nullish(),
  title: z.string(),
  sha: z.string().nullish(),
  source_branch: z.string(),
  target_branch: z.string(),
  source_project_id: z.number().int().nullish(),
  target_project_id: z.number().int(),
  reviewers: z.array(Person).nullish(),
  labels: z.array(z.string()).nullish(),
});
type Answer = z.infer<typeof Answer>;
const Project = z.object({ default_branch: z.string().nullish() });

const DRAFT = "Draft: ";
const DRAFT_MARK = /^(draft:|\[draft\]|\(draft\))\s*/i;

const stateOf = (state: string): PullRequest["state"] => {
  if (state === "merged") return "merged";
  // It is locked while it is merged.
  return state === "opened" || state === "locked" ? "open" : "closed";
};

const fromAnswer = (answer: Answer): PullRequest => ({
  number: answer.iid,
  url: answer.web_url,
  state: stateOf(answer.state),
  headCommit: answer.sha ?? null,
  headBranch: answer.source_branch,
  baseBranch: answer.target_branch,
  isDraft: answer.draft ?? DRAFT_MARK.test(answer.title),
  title: answer.title.replace(DRAFT_MARK, ""),
});

/** Merge requests on one GitLab. */
export const createGitLabMergeRequests = (access: HostAccess, client: GitLabClient): PullRequests => {
  const { read } = access;

  const find = async (api: GitLabApi, projectId: string, sourceBranch: string): Promise<Answer | null> => {
    const found = await api.mergeRequests.all({ projectId, state: "opened", sourceBranch, ...PAGES });
    const isOwn = (answer: Answer): boolean =>
      answer.source_branch === sourceBranch && answer.source_project_id === answer.target_project_id;
    return read(z.array(Answer), found).find(isOwn) ?? null;
  };

  const create = async (api: GitLabApi, wanted: NewPullRequest): Promise<Answer> => {
    const { repository, headBranch, baseBranch, body: description } = wanted;
    const title = wanted.draft ? `${DRAFT}${wanted.title}` : wanted.title;
    try {
      return read(Answer, await api.mergeRequests.create(repository, headBranch, baseBranch, title, { description }));
    } catch (error) {
      if (!(error instanceof ForgeError) || error.status !== 409) throw error;
      // Somebody else, or we before a restart, may have been faster.
      const found = await find(api, repository, headBranch);
      if (found === null) throw error;
      return found;
    }
  };

  /** GitLab leaves out silently what it does not take, so what came of it is looked at. */
  const label = async (
    api: GitLabApi,
    of: { repository: string; number: number; labels: readonly string[] },
  ): Promise<string[]> => {
    if (of.labels.length === 0) return [];
    try {
      const after = read(Answer, await api.mergeRequests.edit(of.repository, of.number, { addLabels: of.labels.join(",") }));
      const missing = of.labels.filter((name) => !(after.labels ?? []).includes(name));
      return missing.length === 0 ? [] : [`${access.host} did not set the labels ${missing.join(", ")}.`];
    } catch (error) {
      return [noteOf(error, `The labels ${of.labels.join(", ")} could not be set`)];
    }
  };

  const findPerson = async (api: GitLabApi, name: string): Promise<number | null> => {
    const [person] = read(z.array(Person), await api.users.all({ username: name }));
    return person?.id ?? null;
  };

  const requestReview = async (
    api: GitLabApi,
    of: { repository: string; now: Answer; names: readonly string[] },
  ): Promise<string[]> => {
    const there = of.now.reviewers ?? [];
    const notes: string[] = [];
    const found: { name: string; id: number }[] = [];
    try {
      for (const name of of.names.filter((wanted) => !there.some(({ username }) => username === wanted))) {
        const id = await findPerson(api, name);
        if (id === null) notes.push(`${name} could not be asked to review: ${access.host} knows nobody of that name.`);
        else found.push({ name, id });
      }
      if (found.length === 0) return notes;
      const reviewerIds = [...there, ...found].map(({ id }) => id);
      const after = read(Answer, await api.mergeRequests.edit(of.repository, of.now.iid, { reviewerIds }));
      const missing = found.filter(({ id }) => !(after.reviewers ?? []).some((one) => one.id === id)).map(({ name }) => name);
      return missing.length === 0 ? notes : [...notes, `${access.host} did not ask ${missing.join(", ")} to review.`];
    } catch (error) {
      return [...notes, noteOf(error, `${of.names.join(", ")} could not be asked to review`)];
    }
  };

  const get: PullRequests["get"] = ({ repository, number }, signal) =>
    unwrapped(async () => fromAnswer(read(Answer, await client.bind(signal).mergeRequests.show(repository, number))), signal);

  return {
    findOpen: ({ repository, headBranch }, signal) =>
      unwrapped(async () => {
        const found = await find(client.bind(signal), repository, headBranch);
        return found === null ? null : fromAnswer(found);
      }, signal),
    open: (wanted, signal) =>
      unwrapped(async () => {
        const api = client.bind(signal);
        const { repository } = wanted;
        const now = (await find(api, repository, wanted.headBranch)) ?? (await create(api, wanted));
        const labelNotes = await label(api, { repository, number: now.iid, labels: wanted.labels });
        const reviewNotes = await requestReview(api, { repository, now, names: wanted.reviewers });
        return { pullRequest: fromAnswer(now), notes: [...labelNotes, ...reviewNotes] };
      }, signal),
    update: ({ repository, number, title, body }, signal) =>
      unwrapped(async () => {
        const isDraft = title !== undefined && (await get({ repository, number }, signal)).isDraft;
        const change = {
          ...(title === undefined ? {} : { title: isDraft ? `${DRAFT}${title}` : title }),
          ...(body === undefined ? {} : { description: body }),
        };
        return fromAnswer(read(Answer, await client.bind(signal).mergeRequests.edit(repository, number, change)));
      }, signal),
    get,
    close: (which, signal) =>
      unwrapped(async () => {
        const now = await get(which, signal);
        if (now.state !== "open") return now;
        const { mergeRequests } = client.bind(signal);
        return fromAnswer(read(Answer, await mergeRequests.edit(which.repository, which.number, { stateEvent: "close" })));
      }, signal),
    defaultBranch: (repository, signal) =>
      unwrapped(async () => {
        const branch = read(Project, await client.bind(signal).projects.show(repository)).default_branch;
        if (branch) return branch;
        throw new ForgeError("not_found", `${access.host} has no branch in ${repository}: push a first commit, then try again.`);
      }, signal),
  };
};
