import { createContract } from "./contract.ts";
import document from "./documents/gitlab.json" with { type: "json" };
import { type Answer, type Call, type FakeHost, type Handler, type HostParts, numberIn, pageOf } from "./host.ts";
import {
  addComment,
  addPullRequest,
  commitNamed,
  type ForgeCheck,
  type ForgePullRequest,
  type ForgeRepository,
  logOf,
  repositoriesOf,
  type StoredComment,
} from "./state.ts";

const error = (status: number, message: string) => ({ message: `${status} ${message}` });
const refused = (status: number, message: string): Answer => ({ status, body: error(status, message) });

/** A list's page, with the header in which GitLab says where the next one is. */
const paged = (call: Call, items: readonly unknown[]): Answer => {
  const page = numberIn(call.query, "page", 1);
  const found = pageOf(items, page, numberIn(call.query, "per_page", 20));
  const next = new URLSearchParams(call.query);
  next.set("page", String(page + 1));
  return { status: 200, headers: found.hasMore ? { link: `<${call.apiUrl}/next?${next}>; rel="next"` } : {}, body: found.items };
};

const isDraftTitle = (title: string): boolean => /^(draft:|\[draft\]|\(draft\))/i.test(title);

/** A fake GitLab. */
export const createFakeGitLab = ({ state }: HostParts): FakeHost => {
  const contract = createContract(document);
  const idOf = (name: string): number => Number.parseInt(commitNamed(name).slice(0, 7), 16);
  const user = (username: string) =>
    contract.make("user", {
      id: idOf(username),
      username,
      name: username,
      state: "active",
      web_url: `http://127.0.0.1/${username}`,
    });

  const projectOf = (repository: ForgeRepository, call: Call) =>
    contract.make("project", {
      id: repository.id,
      path: repository.path.split("/").at(-1),
      path_with_namespace: repository.path,
      default_branch: repository.defaultBranch,
      archived: repository.isArchived,
      http_url_to_repo: `${call.url}/${repository.path}.git`,
      web_url: `${call.url}/${repository.path}`,
    });

  const stateOf = ({ state: now }: ForgePullRequest) => (now === "open" ? "opened" : now);

  const mergeRequestOf = async (repository: ForgeRepository, one: ForgePullRequest, call: Call) =>
    contract.make("merge_request", {
      id: repository.id * 1000 + one.number,
      iid: one.number,
      project_id: repository.id,
      title: one.title,
      description: one.body,
      state: stateOf(one),
      draft: isDraftTitle(one.title),
      sha: await state.headOf(repository, one),
      source_branch: one.headBranch,
      target_branch: one.baseBranch,
      source_project_id: one.fork === null ? repository.id : idOf(one.fork),
      target_project_id: repository.id,
      web_url: `${call.url}/${repository.path}/-/merge_requests/${one.number}`,
      labels: one.labels,
      reviewers: one.reviewers.map(user),
      author: user(state.self),
    });

  const noteOf = (one: StoredComment) =>
    contract.make("note", {
      id: one.id,
      type: one.path === null ? null : "DiffNote",
      body: one.body,
      author: user(one.isBot ? `project_7_bot_${one.author}` : one.author),
      created_at: one.at,
      updated_at: one.at,
      system: one.isSystem,
      noteable_type: "MergeRequest",
      ...(one.path === null ? {} : { position: { new_path: one.path, old_path: one.path, new_line: one.line, old_line: null } }),
    });

  type InProject = (repository: ForgeRepository, call: Call) => Answer | Promise<Answer>;
  const inProject =
    (handle: InProject): Handler =>
    (call) => {
      const repository = state.find(call.params.id ?? "");
      return repository === null ? refused(404, "Project Not Found") : handle(repository, call);
    };
  const writing = (handle: InProject): Handler =>
    inProject((repository, call) => (repository.isArchived ? refused(403, "Forbidden") : handle(repository, call)));
  const onMergeRequest = (
    how: typeof inProject,
    handle: (one: ForgePullRequest, repository: ForgeRepository, call: Call) => Answer | Promise<Answer>,
  ): Handler =>
    how((repository, call) => {
      const one = repository.pullRequests.find(({ number }) => number === Number(call.params.merge_request_iid));
      return one === undefined ? refused(404, "Not found") : handle(one, repository, call);
    });

  const list = inProject(async (repository, call) => {
    const wanted = call.query.get("state") ?? "all";
    const branch = call.query.get("source_branch");
    const found = repository.pullRequests.filter(
      (one) => (wanted === "all" || stateOf(one) === wanted) && (branch === null || one.headBranch === branch),
    );
    return paged(call, await Promise.all(found.toReversed().map((one) => mergeRequestOf(repository, one, call))));
  });

  const create = writing(async (repository, call) => {
    const head = String(call.body.source_branch);
    const base = String(call.body.target_branch);
    for (const [what, branch] of [
      ["Source", head],
      ["Target", base],
    ] as const)
      if ((await state.commitOf(repository, branch)) === null)
        return { status: 400, body: { message: [`${what} branch "${branch}" does not exist`] } };
    const there = repository.pullRequests.find((one) => one.state === "open" && one.fork === null && one.headBranch === head);
    if (there !== undefined)
      return {
        status: 409,
        body: { message: [`Another open merge request already exists for this source branch: !${there.number}`] },
      };
    const title = String(call.body.title);
    const one = addPullRequest(repository, {
      title,
      body: String(call.body.description ?? ""),
      headBranch: head,
      baseBranch: base,
      draft: isDraftTitle(title),
    });
    return { status: 201, body: await mergeRequestOf(repository, one, call) };
  });

  const edit = onMergeRequest(writing, async (one, repository, call) => {
    const { title, description, state_event, add_labels, reviewer_ids } = call.body;
    if (typeof title === "string") one.title = title;
    if (typeof description === "string") one.body = description;
    if (state_event === "close" && one.state === "open") one.state = "closed";
    if (typeof add_labels === "string") {
      // Who may not make labels is not told that one was left out.
      const names = add_labels.split(",").filter((name) => !repository.refusesNewLabels || repository.labels.includes(name));
      one.labels = [...new Set([...one.labels, ...names])];
    }
    if (Array.isArray(reviewer_ids)) one.reviewers = state.users.filter((name) => reviewer_ids.includes(idOf(name)));
    return { status: 200, body: await mergeRequestOf(repository, one, call) };
  });

  const addNote = onMergeRequest(writing, (one, _repository, call) => {
    const stored = addComment(state, one, { author: state.self, body: String(call.body.body) });
    return { status: 201, body: noteOf(stored) };
  });

  const statusOf = (check: ForgeCheck) =>
    check.state === "pending" ? "running" : check.state === "passed" ? "success" : "failed";

  const statuses = inProject((repository, call) =>
    paged(
      call,
      (repository.checks.get(call.params.sha ?? "") ?? []).map((check) =>
        contract.make("commit_status", {
          id: check.id,
          sha: call.params.sha,
          name: check.name,
          status: statusOf(check),
          description: check.description ?? null,
          allow_failure: false,
          target_url:
            check.log === undefined ? `${call.url}/ci/${check.id}` : `${call.url}/${repository.path}/-/jobs/${check.id}`,
        }),
      ),
    ),
  );

  const trace = inProject((_repository, call) => {
    const id = Number(call.params.job_id);
    // Old logs lie where artifacts lie.
    return logOf(state, id) === null ? refused(404, "Not found") : { status: 302, redirectTo: `${call.filesUrl}/logs/${id}` };
  });

  const projects = (owner: string, call: Call): Answer => {
    const owned = repositoriesOf(state, owner);
    if (owned.length === 0) return refused(404, "Not found");
    return paged(
      call,
      owned.map((repository) => projectOf(repository, call)),
    );
  };

  const at = "/projects/{id}";
  const one = `${at}/merge_requests/{merge_request_iid}`;
  return {
    contract,
    apiPath: "/api/v4",
    error,
    tokenIn: ({ authorization, "private-token": token }) =>
      typeof token === "string" && token !== "" ? token : (/^Bearer (\S+)$/.exec(authorization ?? "")?.[1] ?? null),
    knows: () => false,
    logOf: (id) => logOf(state, id),
    routes: {
      [`GET ${at}`]: inProject((repository, call) => ({ status: 200, body: projectOf(repository, call) })),
      [`GET ${at}/merge_requests`]: list,
      [`POST ${at}/merge_requests`]: create,
      [`GET ${one}`]: onMergeRequest(inProject, async (found, repository, call) => ({
        status: 200,
        body: await mergeRequestOf(repository, found, call),
      })),
      [`PUT ${one}`]: edit,
      [`GET ${one}/notes`]: onMergeRequest(inProject, (found, _repository, call) => paged(call, found.comments.map(noteOf))),
      [`POST ${one}/notes`]: addNote,
      [`GET ${at}/repository/commits/{sha}/statuses`]: statuses,
      [`GET ${at}/jobs/{job_id}/trace`]: trace,
      "GET /users": (call) => paged(call, state.users.filter((name) => name === call.query.get("username")).map(user)),
      "GET /groups/{id}/projects": (call) => {
        const group = call.params.id ?? "";
        return state.users.includes(group) ? refused(404, "Group Not Found") : projects(group, call);
      },
      "GET /users/{user_id}/projects": (call) => projects(call.params.user_id ?? "", call),
    },
  };
};
