import { z } from "zod";
import { followPages } from "../answers.ts";
import { inOrder, isBotName } from "../comments.ts";
import type { HostAccess } from "../connection.ts";
import { unwrapped } from "../failure.ts";
import type { Feedback, ForgeComment } from "../types.ts";
import { createGiteaChecks } from "./checks.ts";
import { type GiteaClient, listOf, PAGE_SIZE, pageOf } from "./client.ts";

const Author = z.object({ login: z.string() }).nullish();
const Comment = z.object({
  id: z.number().int(),
  user: Author,
  body: z.string().nullish(),
  created_at: z.string(),
  html_url: z.string(),
});
const LineComment = Comment.extend({
  path: z.string(),
  position: z.number().int().nullish(),
  original_position: z.number().int().nullish(),
});
const Review = z.object({
  id: z.number().int(),
  user: Author,
  body: z.string().nullish(),
  state: z.string(),
  comments_count: z.number().int().nullish(),
  submitted_at: z.string().nullish(),
  html_url: z.string().nullish(),
});

const authorOf = (user: z.infer<typeof Author>) => ({ author: user?.login ?? "ghost", isBot: isBotName(user?.login ?? "") });

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
  // 0 stands for none: the line is gone from the file.
  line: answer.position || answer.original_position || null,
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
          url: answer.html_url ?? "",
        },
      ]
    : [];

/** What comes back about pull requests on one Gitea or Forgejo. */
export const createGiteaFeedback = (access: HostAccess, client: GiteaClient): Feedback => {
  const { read } = access;
  return {
    ciChecks: createGiteaChecks(access, client),
    comments: ({ repository, number }, signal) =>
      unwrapped(async () => {
        const api = client.bind(signal);
        const at = client.at(repository);
        // Gitea gives these all at once.
        const plain = read(listOf(Comment), (await api.repos.issueGetComments(...at, number)).data).map(fromComment);
        const reviews = await followPages(async (page) => {
          const { data, headers } = await api.repos.repoListPullReviews(...at, number, { limit: PAGE_SIZE, page });
          return pageOf(read(listOf(Review), data), page, headers);
        });
        // One that is still being written is seen by its author alone.
        const finished = reviews.filter(({ state }) => state !== "PENDING");
        const onLines: ForgeComment[] = [];
        for (const { id, comments_count } of finished) {
          if (comments_count === 0) continue;
          const { data } = await api.repos.repoGetPullReviewComments(...at, number, id);
          onLines.push(...read(listOf(LineComment), data).map(fromLineComment));
        }
        return inOrder([...plain, ...onLines, ...finished.flatMap(fromReview)]);
      }, signal),
    comment: ({ repository, number, body }, signal) =>
      unwrapped(
        async () =>
          fromComment(
            read(Comment, (await client.bind(signal).repos.issueCreateComment(...client.at(repository), number, { body })).data),
          ),
        signal,
      ),
  };
};
