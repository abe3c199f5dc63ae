import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { checkoutsOf, DeliverySettings, deliveriesOf, type Run } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, type FakeForge, startForge, temporaryFolder, waitFor } from "@ccr/testkit";
import { startBrowser } from "@ccr/testkit/browser";
import { beforeAll, describe, expect, it } from "vitest";
import { visit } from "./src/browser.ts";
import { type DriverName, dockerEnvironment, driversUnderTest } from "./src/drivers.ts";
import { itOnce } from "./src/once.ts";
import { turnsOf } from "./src/scripted.ts";
import { allMessages, REAL_KEY } from "./src/server.ts";
import { startStack } from "./src/stack.ts";

const execute = promisify(execFile);
const NAMES = ["api", "web", "docs"] as const;
type Name = (typeof NAMES)[number];

const doing = (matches: string, command: string, said: string) => ({
  match: { matches },
  turns: turnsOf(command, said),
});

/** An agent that commits in one repository, leaves a change in another one, and something beside them. */
const scenario = parseScenario({
  name: "side by side",
  rules: [
    doing("checks of its host failed", "cd web && echo mended >> mended.txt && git add -A && git commit -qm 'Mend'", "Mended."),
    doing(
      "- api/ is (\\S+)\n- web/ is (\\S+)\n- docs/ is (\\S+)\n[^]*Rename the call",
      "cd api && git mv old.txt new.txt && git commit -qm 'Rename the call' && cd ../web && echo calls new > caller.txt && cd .. && echo beside > notes.txt; cat api/deps/tool 2>/dev/null",
      "Of {{match.1}} and {{match.2}} and {{match.3}}: SAW<<{{lastToolResult}}>>",
    ),
  ],
});

const CHECKS = "$ test -f api/new.txt -a ! -e api/old.txt -a ! -e notes.txt && grep -q new web/caller.txt";

/** A host with three repositories, and a server that knows it. */
const open = async (driver: DriverName, environment: Record<string, string> = {}) => {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const bare = (name: Name) => folder.join("git", "team", `${name}.git`);
  await mkdir(folder.join("git", "team"), { recursive: true });
  const files: Record<Name, Record<string, string>> = {
    api: { "old.txt": "the call\n".repeat(20), ".gitignore": "deps/\n", "package-lock.json": "1\n" },
    web: { "caller.txt": "calls old\n" },
    docs: { "README.md": "docs\n" },
  };
  for (const name of NAMES) parts.use(await createGitRepository({ path: bare(name), bare: true, files: files[name] }));
  const repositories = NAMES.map((name) => ({ path: `team/${name}` }));
  const forge: FakeForge = parts.use(await startForge("gitea", { repositories, root: folder.join("git") }));
  const hosts = folder.join("hosts.json");
  await writeFile(hosts, JSON.stringify([{ host: forge.host, kind: "gitea", apiUrl: forge.apiUrl, token: forge.token }]));
  const stack = parts.use(
    await startStack({ driver, scenario, environment: { CCR_GIT_HOSTS: hosts, CCR_FOLLOW_SECONDS: "1", ...environment } }),
  );
  const url = (name: Name) => `${forge.url}/team/${name}.git`;
  const launch = async (
    options: { checks?: string; delivery?: DeliverySettings; environmentId?: NonNullable<Run["environment"]>["id"] } = {},
  ): Promise<Run["id"]> => {
    const { checks = CHECKS, delivery, environmentId } = options;
    const task = await stack.server.client.tasks.create.mutate({
      name: "Rename",
      steps: [{ instructions: "Rename the call in the service, and where it is used.", checks }],
      delivery,
    });
    const additionalRepositories = [{ repository: url("web"), ref: "main" }, { repository: url("docs") }];
    const input = { taskId: task.id, repository: url("api"), additionalRepositories, environmentId };
    return (await stack.server.client.runs.create.mutate(input)).id;
  };
  const rest = parts.move();
  return {
    forge,
    stack,
    folder,
    url,
    bare,
    launch,
    git: async (name: Name, ...args: string[]) => (await execute("git", ["-C", bare(name), ...args])).stdout.trim(),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
};

const REQUEST = DeliverySettings.parse({ to: "pull_request", branch: "claude/{task}", follow: { times: 2 } });
const foldersOf = (run: Run) => checkoutsOf(run).map(({ directory }) => directory);
const statesOf = (run: Run) => checkoutsOf(run).map(({ delivered }) => delivered?.state ?? null);

describe.each(await driversUnderTest())("several repositories on %s", (driver) => {
  const once = itOnce(driver);
  // An image that has to be built first takes longer than a test.
  beforeAll(async () => {
    if (driver === "docker") await dockerEnvironment();
  });

  it("are side by side for the agent and for the checks, and each is a commit, a bundle and a part of the patch", async () => {
    await using at = await open(driver);
    const { client, fetch, untilFinal } = at.stack.server;
    const id = await at.launch();
    const run = await untilFinal(id);
    expect(run).toMatchObject({ status: "succeeded", reason: "passed", delivered: null });
    expect(foldersOf(run)).toEqual(["api", "web", "docs"]);
    expect(checkoutsOf(run).map(({ baseCommit }) => baseCommit)).toEqual(
      await Promise.all(NAMES.map((name) => at.git(name, "rev-parse", "main"))),
    );
    expect(run.headCommit).not.toBe(run.baseCommit);
    expect(run.additionalRepositories.map((each) => each.headCommit === each.baseCommit)).toEqual([true, true]);
    // It was told which they are.
    expect(JSON.stringify(await allMessages(client, id))).toContain(`Of ${NAMES.map(at.url).join(" and ")}:`);
    const { files } = await client.runs.diff.query({ id });
    expect(files.map(({ path, oldPath, status }) => [path, oldPath, status])).toEqual([
      ["api/new.txt", "api/old.txt", "renamed"],
      ["web/caller.txt", null, "modified"],
    ]);
    // The patch of all is for whoever has the repositories side by side, too.
    const clones = at.folder.join("clones");
    await mkdir(clones);
    for (const name of NAMES) await execute("git", ["clone", "-q", at.bare(name), `${clones}/${name}`]);
    await writeFile(at.folder.join("work.patch"), await (await fetch(`/runs/${id}/work.patch`)).text());
    await execute("git", ["apply", at.folder.join("work.patch")], { cwd: clones });
    expect((await execute("cat", ["api/new.txt", "web/caller.txt"], { cwd: clones })).stdout).toMatch(
      /^(the call\n)+calls new\n$/,
    );
    const bundle = await fetch(`/runs/${id}/work.bundle?directory=web`);
    expect(bundle.headers.get("content-disposition")).toContain(`${id}-web-work.bundle`);
    await writeFile(at.folder.join("web.bundle"), Buffer.from(await bundle.arrayBuffer()));
    await execute("git", ["fetch", "-q", at.folder.join("web.bundle"), "refs/ccr/snapshot:refs/heads/work"], {
      cwd: `${clones}/web`,
    });
    expect((await execute("git", ["show", "work:caller.txt"], { cwd: `${clones}/web` })).stdout).toBe("calls new\n");
    expect((await fetch(`/runs/${id}/work.bundle`)).status).toBe(400);
    expect((await fetch(`/runs/${id}/work.bundle?directory=none`)).status).toBe(404);
    expect(await client.instances.list.query()).toEqual([]);
  });

  once("are set up in the folder of the first one, for the agent, for the checks, and for the next run", async () => {
    await using at = await open(driver);
    const { client, untilFinal } = at.stack.server;
    const script = "mkdir deps && echo from-set-up > deps/tool && test -f package-lock.json && test -f ../web/caller.txt";
    const { id: environmentId } = await client.environments.create.mutate({ name: "Tools", setup: { script } });
    const checks = '$ grep -q from-set-up api/deps/tool && test -z "$(git -C api status --porcelain)"';
    const first = await at.launch({ environmentId, checks });
    expect(await untilFinal(first)).toMatchObject({ reason: "passed" });
    expect(JSON.stringify(await allMessages(client, first))).toContain("SAW<<from-set-up");
    const again = await at.launch({ environmentId, checks });
    expect(await untilFinal(again)).toMatchObject({ reason: "passed" });
    expect(JSON.stringify(await allMessages(client, again))).toContain("is used again");
    const { files } = await client.runs.diff.query({ id: again });
    expect(files.map(({ path }) => path)).toEqual(["api/new.txt", "web/caller.txt"]);
  });

  once("go on when the server is killed while they are checked", async () => {
    await using at = await open(driver);
    const id = await at.launch({ checks: "$ sleep 4; test -f api/new.txt\n$ grep -q new web/caller.txt" });
    const { client } = at.stack.server;
    await waitFor(
      async () =>
        (await allMessages(client, id)).some(({ source, body }) => source === "runner" && body.type === "check_started"),
      { what: "a check" },
    );
    at.stack.server.process.kill("SIGKILL");
    await at.stack.server.stop();
    await using server = await at.stack.restart();
    expect(await server.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    const { files } = await server.client.runs.diff.query({ id });
    expect(files.map(({ path }) => path)).toEqual(["api/new.txt", "web/caller.txt"]);
  });
});

describe("the results of several repositories", () => {
  it("are linked pull requests, which are mended together when a check fails on one of them", async () => {
    await using at = await open("bubblewrap");
    const { forge } = at;
    const { client, untilFinal, url, output, token, loginLink } = at.stack.server;
    const id = await at.launch({ delivery: REQUEST });
    const run = await untilFinal(id);
    expect(run).toMatchObject({ reason: "passed", outcome: { name: "passed" } });
    expect(statesOf(run)).toEqual(["delivered", "delivered", null]);
    const requests = (name: Name) => forge.pullRequests(`team/${name}`);
    expect(NAMES.map((name) => requests(name).length)).toEqual([1, 1, 0]);
    for (const [one, other] of [
      ["api", "web"],
      ["web", "api"],
    ] as const) {
      const [request] = requests(one);
      expect(request).toMatchObject({ headBranch: "claude/rename", baseBranch: "main", state: "open", title: "Rename" });
      expect(request?.body).toContain(`${url}/runs/${id}`);
      const link = checkoutsOf(run).find(({ directory }) => directory === other)?.delivered?.pullRequest?.url;
      expect(request?.body).toContain(`- \`${at.url(other)}\`: ${link}`);
      expect(await at.git(one, "log", "-1", "--format=%(trailers:key=Claude-Code-Run,valueonly)", "claude/rename")).toBe(
        `${url}/runs/${id}`,
      );
    }
    expect(await at.git("api", "log", "--format=%s", "main..claude/rename")).toBe("Rename the call");
    expect(await at.git("docs", "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
    // What fails on one of them starts one run on the branches of all.
    forge.setCi("team/web", run.additionalRepositories[0]?.delivered?.commit ?? "", [
      { name: "build", state: "failed", log: "error: the caller needs mending" },
    ]);
    const [next] = await waitFor(
      async () => {
        const runs = await client.runs.list.query({});
        return runs.length === 2 && runs;
      },
      { what: "a run that goes on" },
    );
    const mended = await untilFinal(next?.id ?? id);
    expect(mended).toMatchObject({ reason: "passed", ref: "claude/rename", continues: { runId: id, because: "checks" } });
    expect(mended.steps[0]?.instructions).toContain("The work in web/ is in a pull request");
    expect(mended.additionalRepositories.map(({ ref, directory }) => [directory, ref])).toEqual([
      ["web", "claude/rename"],
      ["docs", null],
    ]);
    expect(await at.git("web", "show", "claude/rename:mended.txt")).toBe("mended");
    expect(NAMES.map((name) => requests(name).length)).toEqual([1, 1, 0]);
    expect(requests("web")[0]).toMatchObject({ baseBranch: "main" });
    expect(requests("web")[0]?.body).toContain(`- \`${at.url("api")}\``);
    expect(requests("web")[0]?.body).toContain(mended.id);
    // One of them is merged, and its branch removed: the other one is still looked after.
    forge.setState("team/api", requests("api")[0]?.number ?? 0, "merged");
    await at.git("api", "update-ref", "refs/heads/main", "claude/rename");
    await at.git("api", "branch", "-D", "claude/rename");
    const commit = mended.additionalRepositories[0]?.delivered?.commit ?? "";
    forge.setCi("team/web", commit, [{ name: "build", state: "failed", log: "error: again" }]);
    const [last] = await waitFor(
      async () => {
        const runs = await client.runs.list.query({});
        return runs.length === 3 && runs;
      },
      { what: "another run that goes on" },
    );
    const again = await untilFinal(last?.id ?? id);
    expect(again).toMatchObject({
      reason: "passed",
      ref: "main",
      continues: { runId: mended.id, because: "checks", number: 2 },
    });
    expect(again.additionalRepositories[0]).toMatchObject({ ref: "claude/rename", delivered: { state: "delivered" } });
    expect(await at.git("web", "show", "claude/rename:mended.txt")).toBe("mended\nmended");
    expect(await at.git("api", "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
    const told = JSON.stringify([run, mended, requests("api"), requests("web"), output()]).replaceAll(loginLink, "");
    for (const secret of [forge.token, REAL_KEY, token]) expect(told).not.toContain(secret);
  });

  it("are launched from the page, and shown there: files, requests and downloads of each", async () => {
    await using at = await open("bubblewrap");
    await using browser = await startBrowser();
    const { server } = at.stack;
    await server.client.tasks.create.mutate({
      name: "Rename",
      steps: [{ instructions: "Rename the call in the service, and where it is used.", checks: CHECKS }],
      delivery: REQUEST,
    });
    await using opened = await visit(browser, server);
    const { page, offences } = opened;
    await page.getByRole("link", { name: "A task", exact: true }).click();
    await page.getByLabel("Repository", { exact: true }).fill(at.url("api"));
    for (const name of ["web", "docs"] as const) {
      await page.getByRole("button", { name: "Add a repository" }).click();
      await page.keyboard.type(at.url(name));
    }
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.waitForURL(/\/runs\/run_/);
    await page.getByText("Passed", { exact: true }).first().waitFor();
    const [run] = await server.client.runs.list.query({});
    for (const { url } of run === undefined ? [] : deliveriesOf(run).flatMap(({ pullRequest }) => pullRequest ?? []))
      await page.locator(`a[href="${url}"]`).first().waitFor();
    await page.getByText("Nothing was changed here.").waitFor();
    await page.getByRole("link", { name: "Changes", exact: true }).click();
    const files = page.getByRole("navigation", { name: "Changed files" });
    for (const path of ["api/new.txt", "web/caller.txt"]) await files.getByTitle(path).waitFor();
    const [bundle] = await Promise.all([
      page.waitForEvent("download"),
      page.locator('a[href*="work.bundle?directory=web"]').first().click(),
    ]);
    expect(bundle.suggestedFilename()).toMatch(/-web-work\.bundle$/);
    expect(offences).toEqual([]);
  });

  it("are nowhere open for merging while one cannot be pushed, and all are when it is pushed again", async () => {
    await using at = await open("bubblewrap");
    const { client, untilFinal } = at.stack.server;
    const hook = `${at.bare("web")}/hooks/pre-receive`;
    await writeFile(hook, "#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n");
    await chmod(hook, 0o755);
    const id = await at.launch({ delivery: REQUEST });
    const run = await untilFinal(id);
    expect(run).toMatchObject({ status: "errored", reason: "push_failed", outcome: { name: "push_failed" } });
    expect(run.sentence).toContain(`${at.url("web")}: `);
    expect(run.sentence).toContain("this branch is protected");
    expect(statesOf(run)).toEqual(["delivered", "failed", null]);
    expect(NAMES.map((name) => at.forge.pullRequests(`team/${name}`).length)).toEqual([0, 0, 0]);
    await rm(hook);
    const again = await client.runs.push.mutate({ id });
    expect(again).toMatchObject({ reason: "push_failed", outcome: { name: "passed" } });
    expect(statesOf(again)).toEqual(["delivered", "delivered", null]);
    expect(NAMES.map((name) => at.forge.pullRequests(`team/${name}`).length)).toEqual([1, 1, 0]);
    expect(at.forge.pullRequests("team/api")[0]?.body).toContain(at.url("web"));
  });

  it("are lost with their folder, which is said, and all that is left is kept", async () => {
    await using at = await open("bubblewrap");
    at.stack.model.setScenario(
      parseScenario({ name: "removes", rules: [doing(".", "echo x > api/x.txt && rm -rf web", "Gone.")] }),
    );
    const run = await at.stack.server.untilFinal(await at.launch({ checks: "$ true" }));
    expect(run).toMatchObject({ status: "errored", reason: "result_lost" });
    expect(run.sentence).toContain("The folder 'web' of the workspace is gone");
    expect(await readFile(at.stack.folder.join("data", "kept", run.id, "workspace", "api", "x.txt"), "utf8")).toBe("x\n");
  });

  it("are asked for with sense: each once, each in a folder of its own, and each at an address that is there", async () => {
    await using at = await open("bubblewrap");
    const { client, untilFinal } = at.stack.server;
    const { id: taskId } = await client.tasks.create.mutate({ name: "T", steps: [{ instructions: "x", checks: "" }] });
    const create = (input: object) => client.runs.create.mutate({ taskId, repository: at.url("api"), ...input });
    const web = at.url("web");
    for (const [input, says] of [
      [{ additionalRepositories: [{ repository: at.url("api") }] }, "is named twice"],
      [{ additionalRepositories: [{ repository: web }, { repository: `${web.replace(/\.git$/, "")}/` }] }, "is named twice"],
      [{ directory: "x", additionalRepositories: [{ repository: web, directory: "X" }] }, "cannot both be in the folder"],
      [{ directory: "x" }, "leave this out"],
      [{ additionalRepositories: [{ repository: web, directory: "../x" }] }, "plain name"],
      [{ additionalRepositories: [{ repository: "nonsense" }] }, "additionalRepositories.0.repository: "],
      [{ additionalRepositories: Array.from({ length: 10 }, (_, index) => ({ repository: `a/r${index}` })) }, "at most 10"],
    ] as const)
      await expect(create(input), JSON.stringify(input)).rejects.toMatchObject({ message: expect.stringContaining(says) });
    expect(await client.runs.list.query({})).toEqual([]);
    const missing = await create({ additionalRepositories: [{ repository: `${at.forge.url}/team/none.git` }] });
    const run = await untilFinal(missing.id);
    expect(run).toMatchObject({ status: "errored", reason: "repository_unreachable", outcome: { name: "clone_failed" } });
    expect(run.sentence).toContain("team/none");
  });
});
