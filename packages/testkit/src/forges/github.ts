import { type KeyObject, randomUUID, verify } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { type Contract, createContract } from "./contract.ts";
import document from "./documents/github.json" with { type: "json" };
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

const DOCS = "https://docs.github.com/rest";

const error = (status: number, message: string) => ({ message, documentation_url: DOCS, status: String(status) });
const refused = (status: number, message: string): Answer => ({ status, body: error(status, message) });
const invalid = (resource: string, message: string): Answer => ({
  status: 422,
  body: { ...error(422, "Validation Failed"), errors: [{ resource, code: "custom", field: "base", message }] },
});

/** A list's page, with the header in which GitHub says whether more come. */
const paged = <T>(call: Call, items: readonly T[], wrap: (items: T[]) => unknown = (some) => some): Answer => {
  const page = numberIn(call.query, "page", 1);
  const found = pageOf(items, page, numberIn(call.query, "per_page", 30));
  const headers = found.hasMore ? { link: `<${call.apiUrl}/next?page=${page + 1}>; rel="next"` } : {};
  return { status: 200, headers, body: wrap(found.items) };
};

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** Who asks, by the token of an App: a signed claim. */
const readsJwt = (headers: IncomingHttpHeaders, key: KeyObject | null): boolean => {
  const token = /^bearer (\S+\.\S+\.\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (token === undefined || key === null) return false;
  const [head = "", claims = "", signature = ""] = token.split(".");
  return verify("sha256", Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, "base64url"));
};

const parts = (contract: Contract, { state }: HostParts) => {
  const user = (login: string, isBot = false) =>
    contract.make("simple-user", {
      login,
      type: isBot ? "Bot" : "User",
      html_url: `http://127.0.0.1/${encodeURIComponent(login)}`,
    });

  const repositoryFields = (repository: ForgeRepository, call: Call) => ({
    id: repository.id,
    name: repository.path.split("/")[1],
    full_name: repository.path,
    default_branch: repository.defaultBranch,
    archived: repository.isArchived,
    clone_url: `${call.url}/${repository.path}.git`,
    owner: user(repository.path.split("/")[0] ?? ""),
  });

  const pullRequest = async (repository: ForgeRepository, one: ForgePullRequest, call: Call) => {
    const head = {
      ...contract.make("repository", repositoryFields(repository, call)),
      ...(one.fork === null ? {} : { full_name: one.fork }),
    };
    const [owner = ""] = (one.fork ?? repository.path).split("/");
    return {
      number: one.number,
      html_url: `${call.url}/${repository.path}/pull/${one.number}`,
      state: one.state === "open" ? "open" : "closed",
      merged_at: one.state === "merged" ? state.now() : null,
      draft: one.draft,
      title: one.title,
      body: one.body,
      user: user(state.self),
      head: {
        ref: one.headBranch,
        label: `${owner}:${one.headBranch}`,
        sha: (await state.headOf(repository, one)) ?? commitNamed("gone"),
        repo: head,
      },
      base: {
        ref: one.baseBranch,
        label: `${repository.path.split("/")[0]}:${one.baseBranch}`,
        sha: (await state.commitOf(repository, one.baseBranch)) ?? commitNamed("base"),
        repo: contract.make("repository", repositoryFields(repository, call)),
      },
    };
  };

  const comment = (repository: ForgeRepository, number: number, one: StoredComment, call: Call) => ({
    id: one.id,
    user: user(one.isBot ? `${one.author}[bot]` : one.author, one.isBot),
    body: one.body,
    created_at: one.at,
    updated_at: one.at,
    html_url: `${call.url}/${repository.path}/pull/${number}#issuecomment-${one.id}`,
  });

  return { user, repositoryFields, pullRequest, comment };
};

const checkFields = (check: ForgeCheck & { id: number }, call: Call, path: string) => ({
  id: check.id,
  name: check.name,
  status: check.state === "pending" ? "in_progress" : "completed",
  conclusion: check.state === "pending" ? null : check.state === "passed" ? "success" : "failure",
  html_url: `${call.url}/${path}/runs/${check.id}`,
});

/** A fake GitHub, as an Enterprise server has it: its API lies under `/api/v3`. */
export const createFakeGitHub = (host: HostParts): FakeHost => {
  const { state, appKey } = host;
  const contract = createContract(document);
  const { user, repositoryFields, pullRequest, comment } = parts(contract, host);
  const installations = new Map<number, string>();
  const installationTokens = new Set<string>();

  const inRepository =
    (handle: (repository: ForgeRepository, call: Call) => Answer | Promise<Answer>): Handler =>
    (call) => {
      const repository = state.find(`${call.params.owner}/${call.params.repo}`);
      return repository === null ? refused(404, "Not Found") : handle(repository, call);
    };
  const writing = (handle: (repository: ForgeRepository, call: Call) => Answer | Promise<Answer>): Handler =>
    inRepository((repository, call) =>
      repository.isArchived ? refused(403, "Repository was archived so is read-only.") : handle(repository, call),
    );
  const onPullRequest = (
    how: typeof inRepository,
    handle: (one: ForgePullRequest, repository: ForgeRepository, call: Call) => Answer | Promise<Answer>,
  ): Handler =>
    how((repository, call) => {
      const number = Number(call.params.pull_number ?? call.params.issue_number);
      const one = repository.pullRequests.find((candidate) => candidate.number === number);
      return one === undefined ? refused(404, "Not Found") : handle(one, repository, call);
    });
  const full = async (repository: ForgeRepository, one: ForgePullRequest, call: Call) =>
    contract.make("pull-request", await pullRequest(repository, one, call));

  const create = writing(async (repository, call) => {
    const { title, head, base, body, draft } = call.body;
    const headBranch = String(head);
    const [owner] = repository.path.split("/");
    if ((await state.commitOf(repository, headBranch)) === null) return invalid("PullRequest", "head is not a branch");
    if ((await state.commitOf(repository, String(base))) === null) return invalid("PullRequest", "base is not a branch");
    if (repository.pullRequests.some((one) => one.state === "open" && one.fork === null && one.headBranch === headBranch))
      return invalid("PullRequest", `A pull request already exists for ${owner}:${headBranch}.`);
    if (draft === true && repository.refusesDrafts)
      return refused(422, "Draft pull requests are not supported in this repository.");
    const one = addPullRequest(repository, {
      title: String(title),
      body: String(body ?? ""),
      headBranch,
      baseBranch: String(base),
      draft: draft === true,
    });
    return { status: 201, body: await full(repository, one, call) };
  });

  const list = inRepository(async (repository, call) => {
    const wanted = call.query.get("state") ?? "open";
    const head = call.query.get("head");
    const found = repository.pullRequests.filter((one) => {
      const [owner] = (one.fork ?? repository.path).split("/");
      const fits = head === null || `${owner}:${one.headBranch}` === head;
      return fits && (wanted === "all" || (one.state === "open" ? "open" : "closed") === wanted);
    });
    const bodies = await Promise.all(
      found.toReversed().map(async (one) => contract.make("pull-request-simple", await pullRequest(repository, one, call))),
    );
    return paged(call, bodies);
  });

  const edit = onPullRequest(writing, async (one, repository, call) => {
    const { title, body, state: wanted } = call.body;
    if (one.state === "merged" && wanted !== undefined)
      return invalid("PullRequest", "State cannot be changed. The pull request is merged.");
    if (typeof title === "string") one.title = title;
    if (typeof body === "string") one.body = body;
    if (wanted === "closed") one.state = "closed";
    return { status: 200, body: await full(repository, one, call) };
  });

  const requestReview = onPullRequest(writing, async (one, repository, call) => {
    const names = [...texts(call.body.reviewers), ...texts(call.body.team_reviewers)];
    if (names.some((name) => !state.users.includes(name)))
      return refused(
        422,
        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of this repository.",
      );
    one.reviewers = [...new Set([...one.reviewers, ...names])];
    return { status: 201, body: contract.make("pull-request-simple", await pullRequest(repository, one, call)) };
  });

  const addLabels = onPullRequest(writing, (one, repository, call) => {
    const names = texts(call.body.labels);
    if (repository.refusesNewLabels && names.some((name) => !repository.labels.includes(name)))
      return refused(403, "You do not have permission to create labels on this repository.");
    one.labels = [...new Set([...one.labels, ...names])];
    return { status: 200, body: one.labels.map((name) => contract.make("label", { name })) };
  });

  const comments = (kind: "plain" | "line" | "review") =>
    onPullRequest(inRepository, (one, repository, call) => {
      const found = one.comments.filter((candidate) => {
        if (candidate.isSystem) return false;
        return kind === (candidate.path !== null ? "line" : candidate.isReview ? "review" : "plain");
      });
      return paged(
        call,
        found.map((candidate) => {
          const fields = comment(repository, one.number, candidate, call);
          if (kind === "plain") return contract.make("issue-comment", fields);
          if (kind === "line")
            return contract.make("pull-request-review-comment", { ...fields, path: candidate.path, line: candidate.line });
          return contract.make("pull-request-review", { ...fields, state: "COMMENTED", submitted_at: candidate.at });
        }),
      );
    });

  const takeComment = onPullRequest(writing, (one, repository, call) => {
    const stored = addComment(state, one, { author: state.self, body: String(call.body.body) });
    return { status: 201, body: contract.make("issue-comment", comment(repository, one.number, stored, call)) };
  });

  /** Checks with a log are jobs of GitHub Actions; the others are statuses. */
  const checksOf = (repository: ForgeRepository, commit: string, kind: "job" | "status") =>
    (repository.checks.get(commit) ?? []).filter(({ log }) => (log !== undefined) === (kind === "job"));

  const checkRuns = inRepository((repository, call) =>
    paged(
      call,
      checksOf(repository, call.params.ref ?? "", "job").map((check) =>
        contract.make("check-run", {
          ...checkFields(check, call, repository.path),
          head_sha: call.params.ref,
          app: { ...contract.make("nullable-integration", { slug: "github-actions" }) },
          output: {
            title: null,
            summary: check.description ?? null,
            text: null,
            annotations_count: 0,
            annotations_url: `${call.apiUrl}/x`,
          },
        }),
      ),
      (check_runs) => ({ total_count: check_runs.length, check_runs }),
    ),
  );

  const statuses = inRepository((repository, call) => {
    const sha = call.params.ref ?? "";
    const found = checksOf(repository, sha, "status").map((check) =>
      contract.make("simple-commit-status", {
        id: check.id,
        context: check.name,
        state: check.state === "pending" ? "pending" : check.state === "passed" ? "success" : "failure",
        description: check.description ?? null,
        target_url: `${call.url}/status/${check.id}`,
      }),
    );
    return paged(call, found, (some) =>
      contract.make("combined-commit-status", {
        state: "pending",
        statuses: some,
        sha,
        total_count: found.length,
        repository: contract.make("minimal-repository", repositoryFields(repository, call)),
      }),
    );
  });

  const runs = inRepository((repository, call) => {
    const sha = call.query.get("head_sha") ?? "";
    const found =
      checksOf(repository, sha, "job").length === 0 ? [] : [contract.make("workflow-run", { id: repository.id, head_sha: sha })];
    return paged(call, found, (workflow_runs) => ({ total_count: found.length, workflow_runs }));
  });

  const jobs = inRepository((repository, call) => {
    const found = [...repository.checks.keys()].flatMap((sha) =>
      checksOf(repository, sha, "job").map((check) =>
        contract.make("job", { ...checkFields(check, call, repository.path), head_sha: sha, run_id: repository.id }),
      ),
    );
    return paged(call, found, (some) => ({ total_count: found.length, jobs: some }));
  });

  const log = inRepository((_repository, call) => {
    const id = Number(call.params.job_id);
    return logOf(state, id) === null ? refused(404, "Not Found") : { status: 302, redirectTo: `${call.filesUrl}/logs/${id}` };
  });

  const ofOwner = (owner: string, call: Call): Answer => {
    const owned = repositoriesOf(state, owner);
    if (owned.length === 0) return refused(404, "Not Found");
    return paged(
      call,
      owned.map((repository) => contract.make("minimal-repository", repositoryFields(repository, call))),
    );
  };

  const installation = (account: string | null, headers: IncomingHttpHeaders): Answer => {
    if (!readsJwt(headers, appKey())) return refused(401, "A JSON web token could not be decoded");
    if (account === null) return refused(404, "Not Found");
    const id = state.nextId();
    installations.set(id, account);
    return { status: 200, body: contract.make("installation", { id, account: user(account) }) };
  };

  const makeToken: Handler = ({ params, body, headers }) => {
    if (!readsJwt(headers, appKey())) return refused(401, "A JSON web token could not be decoded");
    const account = installations.get(Number(params.installation_id));
    if (account === undefined) return refused(404, "Not Found");
    if (texts(body.repositories).some((name) => state.find(`${account}/${name}`) === null))
      return refused(
        422,
        "There is at least one repository that does not exist or is not accessible to the parent installation.",
      );
    const token = `ghs_${randomUUID().replaceAll("-", "")}`;
    installationTokens.add(token);
    return {
      status: 201,
      body: contract.make("installation-token", { token, expires_at: new Date(Date.now() + 3_600_000).toISOString() }),
    };
  };

  const repos = "/repos/{owner}/{repo}";
  return {
    contract,
    apiPath: "/api/v3",
    error,
    // An App's own claim is no token; the operations that take it look at it themselves.
    tokenIn: (headers) => {
      if (readsJwt(headers, appKey())) return host.tokens.token;
      return /^(?:bearer|token) (\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? null;
    },
    knows: (token) => installationTokens.has(token),
    logOf: (id) => logOf(state, id),
    routes: {
      [`GET ${repos}`]: inRepository((repository, call) => ({
        status: 200,
        body: contract.make("full-repository", repositoryFields(repository, call)),
      })),
      [`GET ${repos}/pulls`]: list,
      [`POST ${repos}/pulls`]: create,
      [`GET ${repos}/pulls/{pull_number}`]: onPullRequest(inRepository, async (one, repository, call) => ({
        status: 200,
        body: await full(repository, one, call),
      })),
      [`PATCH ${repos}/pulls/{pull_number}`]: edit,
      [`POST ${repos}/pulls/{pull_number}/requested_reviewers`]: requestReview,
      [`POST ${repos}/issues/{issue_number}/labels`]: addLabels,
      [`GET ${repos}/issues/{issue_number}/comments`]: comments("plain"),
      [`POST ${repos}/issues/{issue_number}/comments`]: takeComment,
      [`GET ${repos}/pulls/{pull_number}/comments`]: comments("line"),
      [`GET ${repos}/pulls/{pull_number}/reviews`]: comments("review"),
      [`GET ${repos}/commits/{ref}/check-runs`]: checkRuns,
      [`GET ${repos}/commits/{ref}/status`]: statuses,
      [`GET ${repos}/actions/runs`]: runs,
      [`GET ${repos}/actions/runs/{run_id}/jobs`]: jobs,
      [`GET ${repos}/actions/jobs/{job_id}/logs`]: log,
      "GET /user": () => ({ status: 200, body: contract.make("private-user", { login: state.self }) }),
      "GET /user/repos": (call) => ofOwner(state.self, call),
      "GET /orgs/{org}/repos": (call) => {
        const org = call.params.org ?? "";
        return org === state.self || state.users.includes(org) ? refused(404, "Not Found") : ofOwner(org, call);
      },
      "GET /users/{username}/repos": (call) => ofOwner(call.params.username ?? "", call),
      [`GET ${repos}/installation`]: ({ params, headers }) =>
        installation(state.find(`${params.owner}/${params.repo}`) === null ? null : (params.owner ?? null), headers),
      "GET /orgs/{org}/installation": ({ params, headers }) =>
        installation(state.users.includes(params.org ?? "") ? null : (params.org ?? null), headers),
      "GET /users/{username}/installation": ({ params, headers }) => installation(params.username ?? null, headers),
      "POST /app/installations/{installation_id}/access_tokens": makeToken,
    },
  };
};
