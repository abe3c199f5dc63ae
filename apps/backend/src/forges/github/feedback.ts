import { z } from "zod";
import { followPages } from "../answers.ts";
import { inOrder } from "../comments.ts";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import type { CiCheck, Feedback, ForgeComment } from "../types.ts";
import { listChecks } from "./checks.ts";
import { type GitHubClient, pageOf } from "./client.ts";

const Author = z.object({ login: z.string(), type: z.string().optional() }).nullish();
const Comment = z.object({
  id: z.number().int(),
  user: Author,
  body: z.string().nullish(),
  created_at: z.string(),
  html_url: z.string(),
});
const LineComment = Comment.extend({
  path: z.string(),
  line: z.number().int().nullish(),
  original_line: z.number().int().nullish(),
});
const Review = z.object({
  id: z.number().int(),
  user: Author,
  body: z.string().nullish(),
  // A review that is still being written has none, and is seen by its author alone.
  submitted_at: z.string().nullish(),
  html_url: z.string(),
});

const authorOf = (user: z.infer<typeof Author>) => ({
  author: user?.login ?? "ghost",
  isBot: user?.type === "Bot" || (user?.login.endsWith("[bot]") ?? false),
});

const fromComment = (answer: z.infer<typeof Comment>): ForgeComment => ({
  id: `comment-${answer.id}`,
  ...authorOf(answer.user),
  body: answer.body ?? "",
  path: null,
  line: null,
  at: answer.created_at,
  url: answer.html_url,
});

const fromLineComment = (answer: z.infer<typeof LineComment>): ForgeComment => ({
  ...fromComment(answer),
  id: `line-${answer.id}`,
  path: answer.path,
  line: answer.line ?? answer.original_line ?? null,
});

const fromReview = (answer: z.infer<typeof Review>): ForgeComment[] =>
  answer.submitted_at && answer.body
    ? [
        {
          id: `review-${answer.id}`,
          ...authorOf(answer.user),
          body: answer.body,
          path: null,
          line: null,
          at: answer.submitted_at,
          url: answer.html_url,
        },
      ]
    : [];

/** What comes back about pull requests on one GitHub. */
export const createGitHubFeedback = (access: HostAccess, client: GitHubClient): Feedback => {
  const { read } = access;

  /** A job's log; null where there is none any more, or none for us. */
  const readLog = async (repository: string, jobId: number, signal: AbortSignal): Promise<string | null> => {
    const path = `/repos/${repository.split("/").map(encodeURIComponent).join("/")}/actions/jobs/${jobId}/logs`;
    try {
      return await client.readLog({ repository, path }, signal);
    } catch (error) {
      if (error instanceof ForgeError && (error.kind === "not_found" || error.kind === "forbidden")) return null;
      throw error;
    }
  };

  return {
    ciChecks: ({ repository, commit }, signal) =>
      unwrapped(async (): Promise<CiCheck[]> => {
        const { api, at } = await client.of(repository, signal);
        const found = await listChecks({ api, at, commit, read });
        return found.map(({ jobId, text, ...check }) => ({
          ...check,
          log: (until) => unwrapped(async () => (jobId === null ? null : await readLog(repository, jobId, until)) ?? text, until),
        }));
      }, signal),
    comments: ({ repository, number }, signal) =>
      unwrapped(async () => {
        const { api, at } = await client.of(repository, signal);
        const plain = await followPages(async (page) => {
          const route = "GET /repos/{owner}/{repo}/issues/{issue_number}/comments";
          const { data, headers } = await api(route, { ...at, issue_number: number, per_page: 100, page });
          return pageOf(read(z.array(Comment), data).map(fromComment), headers);
        });
        const onLines = await followPages(async (page) => {
          const route = "GET /repos/{owner}/{repo}/pulls/{pull_number}/comments";
          const { data, headers } = await api(route, { ...at, pull_number: number, per_page: 100, page });
          return pageOf(read(z.array(LineComment), data).map(fromLineComment), headers);
        });
        const reviews = await followPages(async (page) => {
          const route = "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews";
          const { data, headers } = await api(route, { ...at, pull_number: number, per_page: 100, page });
          return pageOf(read(z.array(Review), data), headers);
        });
        return inOrder([...plain, ...onLines, ...reviews.flatMap(fromReview)]);
      }, signal),
    comment: ({ repository, number, body }, signal) =>
      unwrapped(async () => {
        const { api, at } = await client.of(repository, signal);
        const route = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
        return fromComment(read(Comment, (await api(route, { ...at, issue_number: number, body })).data));
      }, signal),
  };
};
