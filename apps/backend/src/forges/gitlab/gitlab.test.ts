import { commitNamed } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { describeFeedback } from "../suite/feedback-suite.ts";
import { describeGit } from "../suite/git-suite.ts";
import { describePullRequests } from "../suite/pull-requests-suite.ts";
import { describeTrouble } from "../suite/trouble-suite.ts";
import { never, REPOSITORY, startWorld, TIP, wanted } from "../suite/world.ts";

describePullRequests("gitlab", { emptyList: [], hasLabels: true, draftMark: "Draft: " });
describeFeedback("gitlab");
describeTrouble("gitlab");
describeGit("gitlab");

describe("GitLab alone", () => {
  test("a project lies in groups in groups", async () => {
    const repository = "acme/platform/edge/tools";
    const branches = { main: commitNamed("base"), work: TIP };
    await using world = await startWorld("gitlab", { repositories: [{ path: repository, branches }] });
    const { pullRequest } = await world.forge.pullRequests.open(wanted({ repository }), never);
    expect(pullRequest.url).toContain(`/${repository}/-/merge_requests/1`);
    const said = await world.forge.feedback.comment({ repository, number: 1, body: "Hello" }, never);
    expect(said.url).toBe(`${world.host.url}/${repository}/-/merge_requests/1#note_${said.id}`);
    const list = (owner: string) => world.forge.repositories.list({ owner, query: "tools", limit: 10 }, never);
    expect(await list("acme/platform")).toMatchObject([{ repository }]);
    expect(await list("acme")).toMatchObject([{ repository }]);
  });

  test("a job that may fail has passed, and one that waits for a person has not", async () => {
    await using world = await startWorld("gitlab");
    const body = (status: string, allow_failure: boolean, id: number) => ({
      id,
      name: `${status} ${allow_failure}`,
      status,
      allow_failure,
    });
    const all = ["failed", "canceled", "manual", "skipped", "running", "waiting_for_resource"];
    world.host.refuse({
      status: 200,
      body: all.flatMap((status, index) => [body(status, false, index), body(status, true, index + 50)]),
    });
    const checks = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
    expect(Object.fromEntries(checks.map(({ name, state }) => [name, state]))).toEqual({
      "failed false": "failed",
      "failed true": "passed",
      "canceled false": "failed",
      "canceled true": "passed",
      "manual false": "pending",
      "manual true": "passed",
      "skipped false": "passed",
      "skipped true": "passed",
      "running false": "pending",
      "running true": "pending",
      "waiting_for_resource false": "pending",
      "waiting_for_resource true": "pending",
    });
  });

  test("of two pipelines for one commit the later result counts", async () => {
    await using world = await startWorld("gitlab");
    const job = (id: number, status: string) => ({ id, name: "test", status });
    world.host.refuse({ status: 200, body: [job(9, "success"), job(4, "failed")] });
    const checks = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
    expect(checks).toMatchObject([{ name: "test", state: "passed" }]);
  });
});
