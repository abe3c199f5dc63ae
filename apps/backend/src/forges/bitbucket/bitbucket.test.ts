import { describe, expect, test } from "vitest";
import { describeFeedback } from "../suite/feedback-suite.ts";
import { describeGit } from "../suite/git-suite.ts";
import { describePullRequests } from "../suite/pull-requests-suite.ts";
import { describeTrouble } from "../suite/trouble-suite.ts";
import { never, REPOSITORY, startWorld, TIP, wanted } from "../suite/world.ts";

describePullRequests("bitbucket", { emptyList: { values: [] }, hasLabels: false, draftMark: null });
describeFeedback("bitbucket");
describeTrouble("bitbucket");
describeGit("bitbucket");

describe("Bitbucket alone", () => {
  test("a token with a username is shown as both", async () => {
    await using world = await startWorld("bitbucket");
    const forge = world.as({ kind: "token", username: "ada@example.com", token: world.host.token });
    expect(await forge.pullRequests.defaultBranch(REPOSITORY, never)).toBe("main");
    const shown = Buffer.from(`ada@example.com:${world.host.token}`).toString("base64");
    expect(world.host.requests[0]?.headers.authorization).toBe(`Basic ${shown}`);
  });

  test("a change of the title keeps text, reviewers and draft", async () => {
    await using world = await startWorld("bitbucket");
    await world.forge.pullRequests.open(wanted({ reviewers: ["ada"], draft: true }), never);
    await world.forge.pullRequests.update({ repository: REPOSITORY, number: 1, title: "Add more" }, never);
    expect(world.host.pullRequests(REPOSITORY)).toMatchObject([
      { title: "Add more", body: "It was missing.", reviewers: ["ada"], draft: true },
    ]);
  });

  test("a pipeline whose log is no longer there gives what its status says", async () => {
    await using world = await startWorld("bitbucket");
    world.host.setCi(REPOSITORY, TIP, [{ name: "Pipeline", state: "failed", log: "it broke", description: "1 step failed" }]);
    const [check] = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
    world.host.refuse({ status: 404 }, ({ path }) => path.endsWith("/log"));
    expect(await check?.log(never)).toBe("1 step failed");
    expect(await check?.log(never)).toBe("it broke");
  });
});
