import { commitNamed } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { describeFeedback } from "../suite/feedback-suite.ts";
import { describeGit } from "../suite/git-suite.ts";
import { describePullRequests } from "../suite/pull-requests-suite.ts";
import { describeTrouble } from "../suite/trouble-suite.ts";
import { addressOf, failureOf, never, REPOSITORY, startWorld, TIP, wanted } from "../suite/world.ts";

describePullRequests("github", { emptyList: [], hasLabels: true, draftMark: null });
describeFeedback("github");
describeTrouble("github");
describeGit("github");
describeGit("github", ({ as, host }) => as({ kind: "app", ...host.app }));

describe("GitHub alone", () => {
  test("an App has a token for each repository, and makes it once", async () => {
    await using world = await startWorld("github");
    const forge = world.as({ kind: "app", ...world.host.app });
    const first = await forge.credential(addressOf(`${world.host.url}/${REPOSITORY}`), never);
    expect(first).toEqual({ username: "x-access-token", password: expect.stringMatching(/^ghs_/) });
    expect(await forge.credential(addressOf(`${world.host.url}/${REPOSITORY}.git`), never)).toEqual(first);
    expect((await forge.pullRequests.open(wanted(), never)).pullRequest.number).toBe(1);
    const made = world.host.requests.filter(({ path }) => path.endsWith("/access_tokens"));
    expect(made.map(({ body }) => body)).toEqual([{ repositories: ["tools"] }]);
    expect(await forge.repositories.list({ owner: "acme", query: null, limit: 9 }, never)).toMatchObject([
      { repository: REPOSITORY },
    ]);
  });

  test("an App that is not installed, or has a key that is none, says so", async () => {
    await using world = await startWorld("github");
    const missing = world.as({ kind: "app", ...world.host.app });
    const error = await failureOf(missing.pullRequests.defaultBranch("acme/nothing", never));
    expect(error).toMatchObject({ kind: "not_found", message: expect.stringContaining("App is not installed for acme/nothing") });
    const broken = world.as({ kind: "app", appId: "1", privateKey: "-----BEGIN RSA PRIVATE KEY-----\nhunter2" });
    const refused = await failureOf(broken.pullRequests.defaultBranch(REPOSITORY, never));
    expect(refused).toMatchObject({ kind: "unauthorized", message: expect.stringContaining("private key") });
    expect(String(refused)).not.toContain("hunter2");
  });

  test("a limit that GitHub tells with a 403 is no missing right", async () => {
    await using world = await startWorld("github");
    const reset = String(Math.floor(Date.now() / 1000) + 3600);
    world.host.refuse({ status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset } });
    expect(await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never))).toMatchObject({ kind: "rate_limited" });
    world.host.refuse({ status: 403, headers: { "retry-after": "0" } });
    expect(await world.forge.pullRequests.defaultBranch(REPOSITORY, never)).toBe("main");
  });

  test("what an answer has besides what was asked for is not taken for ours", async () => {
    await using world = await startWorld("github");
    const one = (number: number, ref: string, full_name: string) => ({
      number,
      html_url: "https://github.com/x",
      state: "open",
      title: "Theirs",
      head: { sha: TIP, ref, repo: { full_name } },
      base: { ref: "main" },
    });
    const find = () => world.forge.pullRequests.findOpen({ repository: REPOSITORY, headBranch: "work" }, never);
    world.host.refuse({ status: 200, body: [one(7, "other", REPOSITORY), one(8, "work", "acme/renamed")] });
    expect(await find()).toBeNull();
    world.host.refuse({ status: 200, body: [one(7, "other", REPOSITORY), one(9, "work", "Acme/Tools")] });
    expect(await find()).toMatchObject({ number: 9 });
  });

  test("where there are no drafts, it is opened as ready, with a note", async () => {
    const branches = { main: commitNamed("base"), work: TIP };
    await using world = await startWorld("github", { repositories: [{ path: REPOSITORY, branches, refusesDrafts: true }] });
    const { pullRequest, notes } = await world.forge.pullRequests.open(wanted({ draft: true }), never);
    expect(pullRequest).toMatchObject({ number: 1, isDraft: false });
    expect(notes).toEqual([expect.stringContaining("has no drafts in this repository")]);
  });

  test("a team is asked to review by its short name", async () => {
    await using world = await startWorld("github", { users: ["ada", "core"] });
    await world.forge.pullRequests.open(wanted({ reviewers: ["ada", "acme/core"] }), never);
    const asked = world.host.requests.find(({ path }) => path.endsWith("/requested_reviewers"));
    expect(asked?.body).toEqual({ reviewers: ["ada"], team_reviewers: ["core"] });
  });

  test("a token that may not see checks sees the jobs of GitHub Actions", async () => {
    await using world = await startWorld("github");
    world.host.setCi(REPOSITORY, TIP, [
      { name: "unit tests", state: "failed", log: "it broke\n" },
      { name: "coverage", state: "passed", description: "fine" },
    ]);
    world.host.refuse({ status: 403, body: { message: "Resource not accessible" } }, ({ path }) => path.includes("check-runs"));
    const checks = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
    expect(checks).toMatchObject([
      { name: "unit tests", state: "failed" },
      { name: "coverage", state: "passed" },
    ]);
    expect(await checks[0]?.log(never)).toBe("it broke\n");
  });
});
