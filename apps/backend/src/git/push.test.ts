import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createGitRepository, type GitServerFault, startGitHttpServer } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { createPushes, type PushesOptions, type PushRequest } from "./push.ts";
import { keptPlace, OF, runGit, signal } from "./testing/kept-place.ts";

const TOKEN = "glpat-very-secret-1";
const WANTED: PushRequest = {
  branch: "claude/work",
  base: null,
  from: null,
  author: { name: "Claude <Code>\nRunner", email: "runner@example.test" },
  message: "Mend the ledger\n\nClaude-Code-Run: http://127.0.0.1/runs/run_0123456789",
  isOurs: () => false,
};

/** Kept work, and a repository over http that takes pushes from whoever has the token. */
const pushPlace = async (options: Partial<PushesOptions> = {}) => {
  await using stack = new AsyncDisposableStack();
  const here = stack.use(await keptPlace({ "README.md": "hello\n", other: "1\n" }));
  const root = here.folder.join("served");
  await mkdir(root);
  await runGit(root, ["clone", "-q", "--bare", here.origin.path, "hello.git"]);
  const server = stack.use(
    await startGitHttpServer({ root, allowPush: true, credentials: { username: "oauth2", password: TOKEN } }),
  );
  const pushes = createPushes({
    dataDir: here.dataDir,
    localRepositoryRoots: [here.folder.join("roots")],
    credential: async () => ({ username: "oauth2", password: TOKEN }),
    work: here.kept,
    environment: { PATH: process.env.PATH },
    ...options,
  });
  const run = { ...OF, repository: `${server.url}/hello.git` };
  const bare = join(root, "hello.git");
  const rest = stack.move();
  return {
    here,
    server,
    bare,
    run,
    git: (...args: string[]) => runGit(bare, args),
    push: (wanted: Partial<PushRequest> = {}, until = signal) => pushes.push(run, { ...WANTED, ...wanted }, until),
    pushTo: (repository: string, wanted: Partial<PushRequest> = {}) =>
      pushes.push({ ...OF, repository }, { ...WANTED, ...wanted }, signal),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
};

const edited = async (place: Awaited<ReturnType<typeof pushPlace>>, text = "changed\n") => {
  await writeFile(place.here.file("README.md"), text);
  await place.here.keep();
};

describe("a push", () => {
  it("brings what the agent committed, and the rest in a commit of ours with the author and the trailer", async () => {
    await using place = await pushPlace();
    await writeFile(place.here.file("other"), "2\n");
    await place.here.git("commit", "-qam", "The agent's own");
    await edited(place);
    const outcome = await place.push();
    const commit = await place.git("rev-parse", "claude/work");
    expect(outcome).toEqual({ kind: "pushed", commit, base: "main" });
    expect(await place.git("log", "--format=%an <%ae> %s", "main..claude/work")).toBe(
      "Claude Code Runner <runner@example.test> Mend the ledger\nAda Example <ada@example.test> The agent's own",
    );
    expect(await place.git("log", "-1", "--format=%(trailers:key=Claude-Code-Run,valueonly)", "claude/work")).toContain(
      "/runs/run_0",
    );
    expect(await place.git("show", "claude/work:README.md")).toBe("changed");
    expect(await place.git("fsck", "--strict")).toBe("");
  });

  it("adds no commit where the agent committed everything", async () => {
    await using place = await pushPlace();
    await writeFile(place.here.file("other"), "2\n");
    await place.here.git("commit", "-qam", "All of it");
    await place.here.keep();
    expect(await place.push()).toMatchObject({ kind: "pushed", commit: await place.here.git("rev-parse", "HEAD") });
  });

  it("done again changes nothing, and moves the branch forwards when there is more", async () => {
    await using place = await pushPlace();
    await edited(place);
    const first = await place.push();
    const posts = () =>
      place.server.requests.filter(({ method, url }) => method === "POST" && url.endsWith("/git-receive-pack")).length;
    const before = posts();
    expect(await place.push()).toEqual(first);
    expect(posts()).toBe(before);
    if (first.kind !== "pushed") throw new Error(JSON.stringify(first));
    // The next work goes on from there, as a second run of the branch does.
    await place.here.git("fetch", "-q", place.bare, "claude/work");
    await place.here.git("reset", "-q", "--hard", "FETCH_HEAD");
    await edited(place, "further\n");
    expect(await place.push()).toMatchObject({ kind: "pushed" });
    expect(await place.git("rev-parse", "claude/work~1")).toBe(first.commit);
  });

  it("replaces what this server pushed, and nothing that somebody else did", async () => {
    await using place = await pushPlace();
    await edited(place);
    const first = await place.push();
    if (first.kind !== "pushed") throw new Error(JSON.stringify(first));
    await edited(place, "otherwise\n");
    const refused = await place.push();
    expect(refused).toMatchObject({
      kind: "failed",
      again: false,
      message: expect.stringContaining("has commits that are not part of"),
    });
    expect(await place.git("rev-parse", "claude/work")).toBe(first.commit);
    expect(await place.push({ isOurs: (commit) => commit === first.commit })).toMatchObject({ kind: "pushed" });
    expect(await place.git("show", "claude/work:README.md")).toBe("otherwise");
  });

  it.each([
    ["main", {}, "default branch"],
    ["develop", { base: "develop" }, "the branch that the work is for"],
    ["refs/../main", {}, "cannot be the name"],
    ["x --force", {}, "cannot be the name"],
    ["a:refs/heads/main", {}, "cannot be the name"],
    ["+main", {}, null],
    ["-d", {}, "cannot be the name"],
  ])("to %s is %j refused, and nothing moves", async (branch, more, why) => {
    await using place = await pushPlace();
    await edited(place);
    const before = await place.git("for-each-ref");
    const outcome = await place.push({ branch, ...more });
    if (why === null) {
      // A plus sign is a part of the name here, and forces nothing.
      expect(outcome).toMatchObject({ kind: "pushed" });
      expect(await place.git("for-each-ref", "--format=%(objectname)", "refs/heads/main")).toBe(before.split(" ")[0]);
    } else {
      expect(outcome).toMatchObject({ kind: "failed", again: false, message: expect.stringContaining(why) });
      expect(await place.git("for-each-ref")).toBe(before);
    }
  });

  it("that a hook of the server refuses tells what the hook said, and is not worth trying again", async () => {
    await using place = await pushPlace();
    await edited(place);
    const hook = join(place.bare, "hooks", "pre-receive");
    await writeFile(hook, "#!/bin/sh\necho 'GH006: Protected branch update failed' >&2\nexit 1\n");
    await chmod(hook, 0o755);
    expect(await place.push()).toMatchObject({
      kind: "failed",
      again: false,
      message: expect.stringMatching(/refused the branch 'claude\/work': .*GH006: Protected branch/),
    });
    await rm(hook);
    expect(await place.push()).toMatchObject({ kind: "pushed" });
  });

  it.each<[string, GitServerFault, boolean]>([
    ["is forbidden", { status: 403 }, false],
    ["is not found", { status: 404 }, false],
    ["meets an error of the server", { status: 503 }, true],
    ["is cut", "cut", true],
    ["hangs", "hang", true],
  ])("that %s leaves the work, and goes through later", async (_what, fault, again) => {
    await using place = await pushPlace({ timeoutMs: 1500 });
    await edited(place);
    place.server.setFault(fault, /receive-pack/);
    const outcome = await place.push();
    expect(outcome).toMatchObject({ kind: "failed", again });
    expect(JSON.stringify(outcome)).not.toContain(TOKEN);
    place.server.setFault(null);
    expect(await place.push()).toMatchObject({ kind: "pushed" });
  });

  it("whose answer is lost is found done the next time", async () => {
    await using place = await pushPlace();
    await edited(place);
    place.server.setFault("lose_answer", /^POST .*receive-pack/);
    expect(await place.push()).toMatchObject({ kind: "failed", again: true });
    place.server.setFault(null);
    expect(await place.push()).toEqual({ kind: "pushed", commit: await place.git("rev-parse", "claude/work"), base: "main" });
  });

  it("with a wrong token says what is needed, without the token", async () => {
    await using place = await pushPlace({ credential: async () => ({ username: "oauth2", password: "wrong-secret" }) });
    await edited(place);
    const outcome = await place.push();
    expect(outcome).toMatchObject({
      kind: "failed",
      again: false,
      message: expect.stringContaining("a token that may write there"),
    });
    expect(JSON.stringify(outcome)).not.toContain("wrong-secret");
  });

  it("goes to a local repository too, and not to one outside of the folders that are named", async () => {
    await using place = await pushPlace();
    await edited(place);
    expect(await place.pushTo(place.here.origin.path)).toMatchObject({ kind: "pushed" });
    expect(await place.here.origin.git("show", "claude/work:README.md")).toBe("changed");
    await using outside = await createGitRepository({ files: { a: "1\n" } });
    expect(await place.pushTo(outside.path)).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("CCR_LOCAL_REPOSITORIES"),
    });
  });

  it("of nothing that changed, or is not kept, says so", async () => {
    await using place = await pushPlace();
    expect(await place.push()).toMatchObject({
      kind: "failed",
      again: false,
      message: expect.stringContaining("Nothing of its work is kept"),
    });
    await place.here.keep();
    expect(await place.push()).toEqual({ kind: "unchanged" });
  });

  it("that is called off ends at once, and leaves nothing", async () => {
    await using place = await pushPlace();
    await edited(place);
    place.server.setFault("hang");
    const stop = new AbortController();
    const pushing = place.push({}, stop.signal);
    const settled = pushing.then(
      () => "done",
      (error: unknown) => error,
    );
    await expect.poll(() => place.server.pending()).toBe(1);
    stop.abort(new Error("called off"));
    expect(await settled).toEqual(new Error("called off"));
    expect(await runGit(place.here.dataDir, ["init", "-q", "probe"])).toBe("");
  });
});
