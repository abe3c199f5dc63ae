import { createContract } from "./contract.ts";
import document from "./documents/gitea.json" with { type: "json" };
import actions from "./documents/gitea-actions.json" with { type: "json" };
import { type Answer, type Call, type FakeHost, type Handler, type HostParts, numberIn, pageOf } from "./host.ts";
import {
  addComment,
  addPullRequest,
  type ForgeCheck,
  type ForgePullRequest,
  type ForgeRepository,
  logOf,
  repositoriesOf,
  type StoredComment,
} from "./state.ts";

const error = (_status: number, message: string) => ({ message, url: "http://127.0.0.1/api/swagger" });
const refused = (status: number, message: string): Answer => ({ status, body: error(status, message) });

/** What a host gives at once, whatever more was asked for. */
const PAGE_MAX = 50;

/** A list's page, with the header in which Gitea says how many there are. */
const paged = <T>(call: Call, items: readonly T[], wrap: (items: T[]) => unknown = (some) => some): Answer => {
  const size = Math.min(PAGE_MAX, numberIn(call.query, "limit", 30));
  const found = pageOf(items, numberIn(call.query, "page", 1), size);
  return { status: 200, headers: { "x-total-count": String(items.length) }, body: wrap(found.items) };
};

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const isDraftTitle = (title: string): boolean => /^(WIP:|\[WIP\])/i.test(title);

/** A fake Gitea. */
export const createFakeGitea = ({ state }: HostParts): FakeHost => {
  const contract = createContract({
    ...document,
    operations: { ...document.operations, ...actions.operations },
    schemas: { ...document.schemas, ...actions.schemas },
  });
  const labelIds = new Map<string, number>();
  const idOf = (repository: ForgeRepository, name: string): number => {
    const key = `${repository.path} ${name}`;
    const id = labelIds.get(key) ?? state.nextId();
    labelIds.set(key, id);
    return id;
  };
  const user = (login: string) => contract.make("User", { id: 1, login });

  const repositoryOf = (repository: ForgeRepository, call: Call) =>
    contract.make("Repository", {
      id: repository.id,
      name: repository.path.split("/")[1],
      full_name: repository.path,
      default_branch: repository.defaultBranch,
      archived: repository.isArchived,
      empty: false,
      clone_url: `${call.url}/${repository.path}.git`,
    });

  const pullRequestOf = async (repository: ForgeRepository, one: ForgePullRequest, call: Call) =>
    contract.make("PullRequest", {
      number: one.number,
      html_url: `${call.url}/${repository.path}/pulls/${one.number}`,
      state: one.state === "open" ? "open" : "closed",
      merged: one.state === "merged",
      draft: isDraftTitle(one.title),
      title: one.title,
      body: one.body,
      user: user(state.self),
      labels: one.labels.map((name) => contract.make("Label", { id: idOf(repository, name), name })),
      head: {
        ref: one.headBranch,
        sha: (await state.headOf(repository, one)) ?? "",
        repo: one.fork === null ? repositoryOf(repository, call) : contract.make("Repository", { full_name: one.fork }),
      },
      base: { ref: one.baseBranch, repo: repositoryOf(repository, call) },
    });

  const commentOf = (repository: ForgeRepository, number: number, one: StoredComment, call: Call) => ({
    id: one.id,
    user: user(one.isBot ? `${one.author}-bot` : one.author),
    body: one.body,
    created_at: one.at,
    html_url: `${call.url}/${repository.path}/pulls/${number}#issuecomment-${one.id}`,
  });

  type InRepository = (repository: ForgeRepository, call: Call) => Answer | Promise<Answer>;
  const inRepository =
    (handle: InRepository): Handler =>
    (call) => {
      const repository = state.find(`${call.params.owner}/${call.params.repo}`);
      return repository === null ? refused(404, "The target couldn't be found.") : handle(repository, call);
    };
  const writing = (handle: InRepository): Handler =>
    inRepository((repository, call) =>
      repository.isArchived ? refused(423, `${repository.path} is archived`) : handle(repository, call),
    );
  const onPullRequest = (
    how: typeof inRepository,
    handle: (one: ForgePullRequest, repository: ForgeRepository, call: Call) => Answer | Promise<Answer>,
  ): Handler =>
    how((repository, call) => {
      const one = repository.pullRequests.find(({ number }) => number === Number(call.params.index));
      return one === undefined ? refused(404, "The target couldn't be found.") : handle(one, repository, call);
    });

  const list = inRepository(async (repository, call) => {
    const wanted = call.query.get("state") ?? "open";
    const found = repository.pullRequests.filter(
      (one) => wanted === "all" || (one.state === "open" ? "open" : "closed") === wanted,
    );
    return paged(call, await Promise.all(found.toReversed().map((one) => pullRequestOf(repository, one, call))));
  });

  const create = writing(async (repository, call) => {
    const head = String(call.body.head);
    const base = String(call.body.base);
    for (const branch of [head, base])
      if ((await state.commitOf(repository, branch)) === null)
        return refused(404, `Could not find '${branch}' to be a commit, branch or tag in the repository ${repository.path}`);
    const there = repository.pullRequests.find(
      (one) => one.state === "open" && one.fork === null && one.headBranch === head && one.baseBranch === base,
    );
    if (there !== undefined)
      return refused(
        409,
        `pull request already exists for these targets [id: ${there.number}, head_branch: ${head}, base_branch: ${base}]`,
      );
    const title = String(call.body.title);
    const one = addPullRequest(repository, {
      title,
      body: String(call.body.body ?? ""),
      headBranch: head,
      baseBranch: base,
      draft: isDraftTitle(title),
    });
    return { status: 201, body: await pullRequestOf(repository, one, call) };
  });

  const edit = onPullRequest(writing, async (one, repository, call) => {
    const { title, body, state: wanted } = call.body;
    if (one.state === "merged" && wanted !== undefined)
      return refused(412, "cannot change state of this pull request, it was already merged");
    if (typeof title === "string") one.title = title;
    if (typeof body === "string") one.body = body;
    if (wanted === "closed") one.state = "closed";
    return { status: 201, body: await pullRequestOf(repository, one, call) };
  });

  const requestReview = onPullRequest(writing, (one, _repository, call) => {
    const names = [...texts(call.body.reviewers), ...texts(call.body.team_reviewers)];
    const unknown = names.find((name) => !state.users.includes(name));
    if (unknown !== undefined) return refused(404, `user does not exist [uid: 0, name: ${unknown}]`);
    one.reviewers = [...new Set([...one.reviewers, ...names])];
    return { status: 201, body: [] };
  });

  const addLabels = onPullRequest(writing, (one, repository, call) => {
    const ids = Array.isArray(call.body.labels) ? call.body.labels.map(Number) : [];
    one.labels = [...new Set([...one.labels, ...repository.labels.filter((name) => ids.includes(idOf(repository, name)))])];
    return { status: 200, body: one.labels.map((name) => contract.make("Label", { id: idOf(repository, name), name })) };
  });

  const createLabel = writing((repository, call) => {
    if (repository.refusesNewLabels) return refused(403, "user should have permission to write to a repo");
    const name = String(call.body.name);
    repository.labels.push(name);
    return { status: 201, body: contract.make("Label", { id: idOf(repository, name), name }) };
  });

  /** A review has the id of its comment; comments on a line have a review each. */
  const reviewsOf = (one: ForgePullRequest) =>
    one.comments.filter(({ isReview, path, isSystem }) => !isSystem && (isReview || path !== null));

  const reviews = onPullRequest(inRepository, (one, repository, call) =>
    paged(
      call,
      reviewsOf(one).map((comment) => {
        const { created_at, ...fields } = commentOf(repository, one.number, comment, call);
        const isLine = comment.path !== null;
        return contract.make("PullReview", {
          ...fields,
          body: isLine ? "" : comment.body,
          state: "COMMENT",
          comments_count: isLine ? 1 : 0,
          submitted_at: created_at,
        });
      }),
    ),
  );

  const reviewComments = onPullRequest(inRepository, (one, repository, call) => ({
    status: 200,
    body: one.comments
      .filter(({ id, path }) => id === Number(call.params.id) && path !== null)
      .map((comment) =>
        contract.make("PullReviewComment", {
          ...commentOf(repository, one.number, comment, call),
          path: comment.path,
          position: comment.line ?? 0,
        }),
      ),
  }));

  const comments = onPullRequest(inRepository, (one, repository, call) => ({
    status: 200,
    body: one.comments
      .filter(({ isReview, path, isSystem }) => !isSystem && !isReview && path === null)
      .map((comment) => contract.make("Comment", commentOf(repository, one.number, comment, call))),
  }));

  const takeComment = onPullRequest(writing, (one, repository, call) => {
    const stored = addComment(state, one, { author: state.self, body: String(call.body.body) });
    return { status: 201, body: contract.make("Comment", commentOf(repository, one.number, stored, call)) };
  });

  const pathOfJob = (repository: ForgeRepository, check: { id: number }) => `/${repository.path}/actions/runs/1/jobs/${check.id}`;
  const statusOf = (check: ForgeCheck) =>
    check.state === "pending" ? "pending" : check.state === "passed" ? "success" : "failure";

  const statuses = inRepository((repository, call) => {
    const found = (repository.checks.get(call.params.ref ?? "") ?? []).map((check) =>
      contract.make("CommitStatus", {
        id: check.id,
        context: check.name,
        status: statusOf(check),
        description: check.description ?? "",
        // Of its own jobs Gitea gives the path alone.
        target_url: check.log === undefined ? `${call.url}/ci/${check.id}` : pathOfJob(repository, check),
      }),
    );
    return paged(call, found, (some) =>
      contract.make("CombinedStatus", { state: "pending", statuses: some, sha: call.params.ref ?? "" }),
    );
  });

  const jobs = inRepository((repository, call) => {
    const wanted = call.query.get("status");
    const found = [...repository.checks].flatMap(([head_sha, checks]) =>
      checks
        .filter((check) => check.log !== undefined && (wanted === null || statusOf(check) === wanted))
        .map((check) =>
          contract.make("ActionWorkflowJob", {
            id: check.id,
            name: check.name,
            head_sha,
            html_url: `${call.url}${pathOfJob(repository, check)}`,
            status: check.state === "pending" ? "in_progress" : "completed",
          }),
        ),
    );
    return paged(call, found.toReversed(), (some) => ({ jobs: some, total_count: found.length }));
  });

  const log = inRepository((_repository, call) => {
    const text = logOf(state, Number(call.params.job_id));
    return text === null ? refused(404, "The target couldn't be found.") : { status: 200, text };
  });

  const repos = (owner: string, call: Call): Answer => {
    const owned = repositoriesOf(state, owner);
    if (owned.length === 0) return refused(404, "The target couldn't be found.");
    return paged(
      call,
      owned.map((repository) => repositoryOf(repository, call)),
    );
  };

  const at = "/repos/{owner}/{repo}";
  return {
    contract,
    apiPath: "/api/v1",
    error,
    tokenIn: ({ authorization }) => /^(?:bearer|token) (\S+)$/i.exec(authorization ?? "")?.[1] ?? null,
    knows: () => false,
    logOf: () => null,
    routes: {
      [`GET ${at}`]: inRepository((repository, call) => ({ status: 200, body: repositoryOf(repository, call) })),
      [`GET ${at}/pulls`]: list,
      [`POST ${at}/pulls`]: create,
      [`GET ${at}/pulls/{index}`]: onPullRequest(inRepository, async (one, repository, call) => ({
        status: 200,
        body: await pullRequestOf(repository, one, call),
      })),
      [`PATCH ${at}/pulls/{index}`]: edit,
      [`POST ${at}/pulls/{index}/requested_reviewers`]: requestReview,
      [`GET ${at}/pulls/{index}/reviews`]: reviews,
      [`GET ${at}/pulls/{index}/reviews/{id}/comments`]: reviewComments,
      [`GET ${at}/issues/{index}/comments`]: comments,
      [`POST ${at}/issues/{index}/comments`]: takeComment,
      [`GET ${at}/labels`]: inRepository((repository, call) =>
        paged(
          call,
          repository.labels.map((name) => contract.make("Label", { id: idOf(repository, name), name })),
        ),
      ),
      [`POST ${at}/labels`]: createLabel,
      "GET /orgs/{org}/labels": (call) => paged(call, []),
      [`POST ${at}/issues/{index}/labels`]: addLabels,
      [`GET ${at}/commits/{ref}/status`]: statuses,
      [`GET ${at}/actions/jobs`]: jobs,
      [`GET ${at}/actions/jobs/{job_id}/logs`]: log,
      "GET /orgs/{org}/repos": (call) => {
        const org = call.params.org ?? "";
        return state.users.includes(org) ? refused(404, "The target couldn't be found.") : repos(org, call);
      },
      "GET /users/{username}/repos": (call) => repos(call.params.username ?? "", call),
    },
  };
};
