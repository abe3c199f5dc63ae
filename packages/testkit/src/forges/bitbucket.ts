import { createContract } from "./contract.ts";
import document from "./documents/bitbucket.json" with { type: "json" };
import { isRecord } from "./documents/schema.ts";
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

const error = (_status: number, message: string) => ({ type: "error", error: { message } });
const refused = (status: number, message: string): Answer => ({ status, body: error(status, message) });

/** A list's page; the address of the next one stands in it. */
const paged = (call: Call, path: string, values: readonly unknown[]): Answer => {
  const page = numberIn(call.query, "page", 1);
  const pagelen = numberIn(call.query, "pagelen", 10);
  const found = pageOf(values, page, pagelen);
  const next = new URLSearchParams(call.query);
  next.set("page", String(page + 1));
  return {
    status: 200,
    body: { values: found.items, page, pagelen, ...(found.hasMore ? { next: `${call.apiUrl}${path}?${next}` } : {}) },
  };
};

const textAt = (value: unknown, ...keys: string[]): string | null => {
  const found = keys.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value);
  return typeof found === "string" ? found : null;
};

/** Understands the two filters that are used: `source.branch.name = "x" AND state = "OPEN"`, and `name ~ "x"`. */
const filterIn = (query: URLSearchParams): { branch: string | null; name: string | null } => {
  const q = query.get("q") ?? "";
  return {
    branch: /^source\.branch\.name = "(.*)" AND state = "OPEN"$/.exec(q)?.[1] ?? null,
    name: /^name ~ "(.*)"$/.exec(q)?.[1] ?? null,
  };
};

const uuidOf = (name: string): string => {
  const hex = commitNamed(name);
  return `{${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}}`;
};

/** A fake Bitbucket Cloud. */
export const createFakeBitbucket = ({ state }: HostParts): FakeHost => {
  // Its introduction says of these once that every list takes them.
  const commonQuery = ["q", "sort", "fields", "page", "pagelen"];
  // And of this one in the words about how a pull request is created, though not in its schema.
  const contract = createContract(document, { commonQuery, commonBody: ["description"] });
  const user = (name: string, isBot = false) =>
    contract.make("account", { type: isBot ? "app_user" : "user", uuid: uuidOf(name), nickname: name, display_name: name });
  const base = (repository: ForgeRepository) => `/repositories/${repository.path}`;

  const repositoryOf = (repository: ForgeRepository, call: Call) =>
    contract.make("repository", {
      type: "repository",
      full_name: repository.path,
      name: repository.path.split("/")[1],
      mainbranch: { type: "branch", name: repository.defaultBranch },
      links: {
        // Bitbucket writes down who asked.
        clone: [{ name: "https", href: `${call.url.replace("//", "//runner@")}/${repository.path}.git` }],
      },
    });

  const pullRequestOf = async (repository: ForgeRepository, one: ForgePullRequest, call: Call) => {
    const head = await state.headOf(repository, one);
    return contract.make("pullrequest", {
      type: "pullrequest",
      id: one.number,
      title: one.title,
      description: one.body,
      summary: { raw: one.body },
      draft: one.draft,
      state: one.state === "open" ? "OPEN" : one.state === "merged" ? "MERGED" : "DECLINED",
      links: { html: { href: `${call.url}/${repository.path}/pull-requests/${one.number}` } },
      source: {
        branch: { name: one.headBranch },
        // The beginning of it is all that Bitbucket gives here.
        ...(head === null ? {} : { commit: { hash: head.slice(0, 12) } }),
        repository:
          one.fork === null
            ? repositoryOf(repository, call)
            : contract.make("repository", { type: "repository", full_name: one.fork }),
      },
      destination: { branch: { name: one.baseBranch }, repository: repositoryOf(repository, call) },
      reviewers: one.reviewers.map((name) => user(name)),
    });
  };

  const commentOf = (repository: ForgeRepository, number: number, one: StoredComment, call: Call) =>
    contract.make("pullrequest_comment", {
      type: "pullrequest_comment",
      id: one.id,
      user: user(one.author, one.isBot),
      content: { raw: one.body },
      created_on: one.at,
      deleted: false,
      ...(one.path === null ? {} : { inline: { path: one.path, ...(one.line === null ? {} : { to: one.line }) } }),
      links: { html: { href: `${call.url}/${repository.path}/pull-requests/${number}#comment-${one.id}` } },
    });

  const inRepository =
    (handle: (repository: ForgeRepository, call: Call) => Answer | Promise<Answer>): Handler =>
    (call) => {
      const repository = state.find(`${call.params.workspace}/${call.params.repo_slug}`);
      return repository === null ? refused(404, "Repository not found") : handle(repository, call);
    };
  const onPullRequest = (
    handle: (one: ForgePullRequest, repository: ForgeRepository, call: Call) => Answer | Promise<Answer>,
  ): Handler =>
    inRepository((repository, call) => {
      const one = repository.pullRequests.find(({ number }) => number === Number(call.params.pull_request_id));
      return one === undefined ? refused(404, "Pull request not found") : handle(one, repository, call);
    });

  const list = inRepository(async (repository, call) => {
    const { branch } = filterIn(call.query);
    const found = repository.pullRequests.filter((one) => one.state === "open" && (branch === null || one.headBranch === branch));
    const bodies = await Promise.all(found.toReversed().map((one) => pullRequestOf(repository, one, call)));
    return paged(call, `${base(repository)}/pullrequests`, bodies);
  });

  const create = inRepository(async (repository, call) => {
    const head = textAt(call.body, "source", "branch", "name") ?? "";
    const target = textAt(call.body, "destination", "branch", "name") ?? repository.defaultBranch;
    if ((await state.commitOf(repository, head)) === null) return refused(400, `source: branch not found: ${head}`);
    if ((await state.commitOf(repository, target)) === null) return refused(400, `destination: branch not found: ${target}`);
    const given = { title: String(call.body.title), body: textAt(call.body, "description") ?? "" };
    // A second one for the same branches changes the first.
    const there = repository.pullRequests.find(
      (one) => one.state === "open" && one.fork === null && one.headBranch === head && one.baseBranch === target,
    );
    const one =
      there ?? addPullRequest(repository, { ...given, headBranch: head, baseBranch: target, draft: call.body.draft === true });
    if (there !== undefined) Object.assign(there, given);
    return { status: 201, body: await pullRequestOf(repository, one, call) };
  });

  const edit = onPullRequest(async (one, repository, call) => {
    if (one.state !== "open") return refused(400, "Only open pull requests can be mutated");
    if (typeof call.body.title !== "string") return refused(400, "title: required key not provided");
    const uuids = Array.isArray(call.body.reviewers) ? call.body.reviewers.map((reviewer) => textAt(reviewer, "uuid")) : [];
    const names = uuids.map((uuid) => state.users.find((name) => uuidOf(name) === uuid));
    if (names.includes(undefined)) return refused(400, "reviewers: Malformed reviewers list");
    // What is left out is lost.
    one.title = call.body.title;
    one.body = textAt(call.body, "description") ?? "";
    one.draft = call.body.draft === true;
    one.reviewers = names.filter((name) => name !== undefined);
    return { status: 200, body: await pullRequestOf(repository, one, call) };
  });

  const decline = onPullRequest(async (one, repository, call) => {
    if (one.state !== "open") return refused(400, "This pull request is already closed.");
    one.state = "closed";
    return { status: 200, body: await pullRequestOf(repository, one, call) };
  });

  const takeComment = onPullRequest((one, repository, call) => {
    const stored = addComment(state, one, { author: state.self, body: textAt(call.body, "content", "raw") ?? "" });
    return { status: 201, body: commentOf(repository, one.number, stored, call) };
  });

  const commit = inRepository(async (repository, call) => {
    const wanted = call.params.commit ?? "";
    const branches = [...repository.pullRequests.map(({ headBranch }) => headBranch), ...repository.branches.keys()];
    const known = await Promise.all([
      ...branches.map((branch) => state.commitOf(repository, branch)),
      ...repository.pullRequests.map((one) => state.headOf(repository, one)),
    ]);
    const hash = known.find((id) => id?.startsWith(wanted));
    return hash ? { status: 200, body: contract.make("commit", { type: "commit", hash }) } : refused(404, "Commit not found");
  });

  const stateOf = (check: ForgeCheck) =>
    check.state === "pending" ? "INPROGRESS" : check.state === "passed" ? "SUCCESSFUL" : "FAILED";

  const statuses = inRepository((repository, call) => {
    const found = (repository.checks.get(call.params.commit ?? "") ?? []).map((check) =>
      contract.make("commitstatus", {
        type: "build",
        key: `key-${check.id}`,
        name: check.name,
        state: stateOf(check),
        description: check.description ?? "",
        url:
          check.log === undefined ? `${call.url}/ci/${check.id}` : `${call.url}/${repository.path}/pipelines/results/${check.id}`,
      }),
    );
    return paged(call, `${base(repository)}/commit/${call.params.commit}/statuses`, found);
  });

  const pipelines = inRepository((repository, call) => {
    const checks = repository.checks.get(call.query.get("target.commit.hash") ?? "") ?? [];
    const found = checks
      .filter(({ log }) => log !== undefined)
      .map(({ id }) => contract.make("pipeline", { type: "pipeline", uuid: uuidOf(`pipeline ${id}`), build_number: id }));
    return paged(call, `${base(repository)}/pipelines`, found);
  });

  const checkOf = (repository: ForgeRepository, uuid: string | undefined) =>
    [...repository.checks.values()].flat().find(({ id }) => uuidOf(`pipeline ${id}`) === uuid);

  const steps = inRepository((repository, call) => {
    const check = checkOf(repository, call.params.pipeline_uuid);
    if (check === undefined) return refused(404, "Pipeline not found");
    const step = (name: string, result: string) =>
      contract.make("pipeline_step", {
        type: "pipeline_step",
        uuid: uuidOf(`${name} ${check.id}`),
        state: { type: "pipeline_step_state_completed", result: { type: "result", name: result } },
      });
    return paged(call, `${base(repository)}/pipelines/${call.params.pipeline_uuid}/steps`, [
      step("install", "SUCCESSFUL"),
      step("test", check.state === "failed" ? "FAILED" : "SUCCESSFUL"),
    ]);
  });

  const log = inRepository((repository, call) => {
    const check = checkOf(repository, call.params.pipeline_uuid);
    if (check === undefined || call.params.step_uuid !== uuidOf(`test ${check.id}`)) return refused(404, "Log not found");
    return { status: 307, redirectTo: `${call.filesUrl}/logs/${check.id}` };
  });

  const at = "/repositories/{workspace}/{repo_slug}";
  const one = `${at}/pullrequests/{pull_request_id}`;
  return {
    contract,
    apiPath: "/2.0",
    error,
    tokenIn: ({ authorization }) => {
      const bearer = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
      const basic = /^Basic (\S+)$/.exec(authorization ?? "")?.[1];
      return bearer ?? (basic === undefined ? null : (Buffer.from(basic, "base64").toString("utf8").split(":")[1] ?? null));
    },
    knows: () => false,
    logOf: (id) => logOf(state, id),
    routes: {
      "GET /repositories/{workspace}": (call) => {
        const owned = repositoriesOf(state, call.params.workspace ?? "");
        if (owned.length === 0) return refused(404, "No workspace with that name");
        const { name } = filterIn(call.query);
        const found = owned.filter(({ path }) => path.toLowerCase().includes((name ?? "").toLowerCase()));
        return paged(
          call,
          `/repositories/${call.params.workspace}`,
          found.map((repository) => repositoryOf(repository, call)),
        );
      },
      [`GET ${at}`]: inRepository((repository, call) => ({ status: 200, body: repositoryOf(repository, call) })),
      [`GET ${at}/pullrequests`]: list,
      [`POST ${at}/pullrequests`]: create,
      [`GET ${one}`]: onPullRequest(async (found, repository, call) => ({
        status: 200,
        body: await pullRequestOf(repository, found, call),
      })),
      [`PUT ${one}`]: edit,
      [`POST ${one}/decline`]: decline,
      [`GET ${one}/comments`]: onPullRequest((found, repository, call) =>
        paged(
          call,
          `${base(repository)}/pullrequests/${found.number}/comments`,
          found.comments.filter(({ isSystem }) => !isSystem).map((comment) => commentOf(repository, found.number, comment, call)),
        ),
      ),
      [`POST ${one}/comments`]: takeComment,
      [`GET ${at}/commit/{commit}`]: commit,
      [`GET ${at}/commit/{commit}/statuses`]: statuses,
      [`GET ${at}/pipelines`]: pipelines,
      [`GET ${at}/pipelines/{pipeline_uuid}/steps`]: steps,
      [`GET ${at}/pipelines/{pipeline_uuid}/steps/{step_uuid}/log`]: log,
      "GET /workspaces/{workspace}/members": (call) =>
        paged(
          call,
          `/workspaces/${call.params.workspace}/members`,
          state.users.map((name) => contract.make("workspace_membership", { type: "workspace_membership", user: user(name) })),
        ),
    },
  };
};
