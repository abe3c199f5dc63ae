import { z } from "zod";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { noteOf } from "../notes.ts";
import type { NewPullRequest, PullRequest, PullRequests } from "../types.ts";
import { Account, type BitbucketClient, quoted, withQuery } from "./client.ts";
import { findReviewer } from "./reviewers.ts";

const Endpoint = z.object({
  branch: z.object({ name: z.string() }),
  commit: z.object({ hash: z.string() }).nullish(),
  repository: z.object({ full_name: z.string() }).nullish(),
});
const Answer = z.object({
  id: z.number().int(),
  links: z.object({ html: z.object({ href: z.string() }) }),
  state: z.string(),
  draft: z.boolean().nullish(),
  title: z.string(),
  description: z.string().nullish(),
  summary: z.object({ raw: z.string().nullish() }).nullish(),
  source: Endpoint,
  destination: Endpoint,
  reviewers: z.array(Account).nullish(),
});
type Answer = z.infer<typeof Answer>;
const Commit = z.object({ hash: z.string() });
const Repository = z.object({ mainbranch: z.object({ name: z.string() }).nullish() });

const FULL_ID = /^[0-9a-f]{40}$/;

const stateOf = (state: string): PullRequest["state"] => (state === "OPEN" ? "open" : state === "MERGED" ? "merged" : "closed");

/** Pull requests on Bitbucket Cloud. */
export const createBitbucketPullRequests = (access: HostAccess, client: BitbucketClient): PullRequests => {
  const { read } = access;

  /** The whole id of a commit, of which pull requests have the beginning alone; null when it is gone. */
  const expand = async (repository: string, hash: string | undefined, signal: AbortSignal): Promise<string | null> => {
    if (hash === undefined || FULL_ID.test(hash)) return hash ?? null;
    const path = { ...client.at(repository), commit: hash };
    try {
      const { data } = await client
        .bind(signal)
        .GET("/repositories/{workspace}/{repo_slug}/commit/{commit}", { params: { path } });
      return read(Commit, data).hash;
    } catch (error) {
      if (error instanceof ForgeError && error.kind === "not_found") return null;
      throw error;
    }
  };

  const toPullRequest = async (answer: Answer, repository: string, signal: AbortSignal): Promise<PullRequest> => ({
    number: answer.id,
    url: answer.links.html.href,
    state: stateOf(answer.state),
    headCommit: await expand(answer.source.repository?.full_name ?? repository, answer.source.commit?.hash, signal),
    headBranch: answer.source.branch.name,
    baseBranch: answer.destination.branch.name,
    isDraft: answer.draft ?? false,
    title: answer.title,
  });

  const find = async (repository: string, headBranch: string, signal: AbortSignal): Promise<Answer | null> => {
    const q = `source.branch.name = ${quoted(headBranch)} AND state = "OPEN"`;
    const first = client.bind(signal).GET("/repositories/{workspace}/{repo_slug}/pullrequests", {
      params: { path: client.at(repository) },
      ...withQuery({ q, pagelen: "50" }),
    });
    const found = await client.readPages(first, Answer, signal);
    const isOwn = ({ source }: Answer): boolean =>
      source.branch.name === headBranch && source.repository?.full_name.toLowerCase() === repository.toLowerCase();
    return found.find(isOwn) ?? null;
  };

  const create = async (wanted: NewPullRequest, signal: AbortSignal): Promise<Answer> => {
    const { data } = await client.bind(signal).POST("/repositories/{workspace}/{repo_slug}/pullrequests", {
      params: { path: client.at(wanted.repository) },
      body: {
        type: "pullrequest",
        title: wanted.title,
        description: wanted.body,
        source: { branch: { name: wanted.headBranch } },
        destination: { branch: { name: wanted.baseBranch } },
        draft: wanted.draft,
      },
    });
    return read(Answer, data);
  };

  const getAnswer = async (repository: string, number: number, signal: AbortSignal): Promise<Answer> => {
    const path = { ...client.at(repository), pull_request_id: number };
    const route = "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}";
    return read(Answer, (await client.bind(signal).GET(route, { params: { path } })).data);
  };

  /** Everything is sent along with a change, so that nothing depends on what a host makes of what is left out. */
  const edit = async (
    repository: string,
    now: Answer,
    change: { title?: string; body?: string; reviewer?: string },
    signal: AbortSignal,
  ) => {
    const path = { ...client.at(repository), pull_request_id: now.id };
    const reviewers = [
      ...(now.reviewers ?? []).flatMap(({ uuid }) => (uuid ? [uuid] : [])),
      ...(change.reviewer ? [change.reviewer] : []),
    ];
    const { data } = await client.bind(signal).PUT("/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}", {
      params: { path },
      body: {
        type: "pullrequest",
        title: change.title ?? now.title,
        description: change.body ?? now.description ?? now.summary?.raw ?? "",
        draft: now.draft ?? false,
        reviewers: [...new Set(reviewers)].map((uuid) => ({ type: "account", uuid }) as const),
      },
    });
    return read(Answer, data);
  };

  const requestReview = async (of: { repository: string; now: Answer; names: readonly string[] }, signal: AbortSignal) => {
    const notes: string[] = [];
    let { now } = of;
    for (const name of of.names) {
      try {
        const uuid = await findReviewer(client, { workspace: client.at(of.repository).workspace, name }, signal);
        if (uuid === null) notes.push(`${name} could not be asked to review: nobody in the workspace has that name.`);
        else now = await edit(of.repository, now, { reviewer: uuid }, signal);
      } catch (error) {
        notes.push(noteOf(error, `${name} could not be asked to review`));
      }
    }
    return notes;
  };

  const get: PullRequests["get"] = ({ repository, number }, signal) =>
    unwrapped(async () => toPullRequest(await getAnswer(repository, number, signal), repository, signal), signal);

  return {
    findOpen: ({ repository, headBranch }, signal) =>
      unwrapped(async () => {
        const found = await find(repository, headBranch, signal);
        return found === null ? null : toPullRequest(found, repository, signal);
      }, signal),
    open: (wanted, signal) =>
      unwrapped(async () => {
        const { repository } = wanted;
        const now = (await find(repository, wanted.headBranch, signal)) ?? (await create(wanted, signal));
        const labels = wanted.labels.length === 0 ? [] : [`Bitbucket has no labels: ${wanted.labels.join(", ")} were left out.`];
        const reviews = await requestReview({ repository, now, names: wanted.reviewers }, signal);
        return { pullRequest: await toPullRequest(now, repository, signal), notes: [...labels, ...reviews] };
      }, signal),
    update: ({ repository, number, title, body }, signal) =>
      unwrapped(async () => {
        const now = await getAnswer(repository, number, signal);
        const change = { ...(title === undefined ? {} : { title }), ...(body === undefined ? {} : { body }) };
        return toPullRequest(await edit(repository, now, change, signal), repository, signal);
      }, signal),
    get,
    close: ({ repository, number }, signal) =>
      unwrapped(async () => {
        const now = await getAnswer(repository, number, signal);
        if (now.state !== "OPEN") return toPullRequest(now, repository, signal);
        const path = { ...client.at(repository), pull_request_id: number };
        const route = "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/decline";
        const { data } = await client.bind(signal).POST(route, { params: { path } });
        return toPullRequest(read(Answer, data), repository, signal);
      }, signal),
    defaultBranch: (repository, signal) =>
      unwrapped(async () => {
        const path = client.at(repository);
        const { data } = await client.bind(signal).GET("/repositories/{workspace}/{repo_slug}", { params: { path } });
        const branch = read(Repository, data).mainbranch?.name;
        if (branch !== undefined) return branch;
        throw new ForgeError("not_found", `${access.host} has no branch in ${repository}: push a first commit, then try again.`);
      }, signal),
  };
};
