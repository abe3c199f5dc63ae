import { describe, expect, test } from "vitest";
import { describeFeedback } from "../suite/feedback-suite.ts";
import { describeGit } from "../suite/git-suite.ts";
import { describePullRequests } from "../suite/pull-requests-suite.ts";
import { describeTrouble } from "../suite/trouble-suite.ts";
import { never, REPOSITORY, startWorld, TIP, wanted } from "../suite/world.ts";

describePullRequests("gitea", { emptyList: [], hasLabels: true, draftMark: "WIP: " });
describeFeedback("gitea");
describeTrouble("gitea");
describeGit("gitea");

describe("Gitea alone", () => {
  test("a host without an API for jobs gives what a status says of itself", async () => {
    await using world = await startWorld("gitea");
    world.host.setCi(REPOSITORY, TIP, [
      { name: "unit tests", state: "failed", log: "it broke", description: "Failing after 3s" },
    ]);
    const [check] = await world.forge.feedback.ciChecks({ repository: REPOSITORY, commit: TIP }, never);
    world.host.refuse({ status: 404 }, ({ path }) => path.includes("/actions/jobs"));
    expect(await check?.log(never)).toBe("Failing after 3s");
    expect(await check?.log(never)).toBe("it broke");
  });

  test("a team is asked to review by its short name", async () => {
    await using world = await startWorld("gitea", { users: ["ada", "core"] });
    await world.forge.pullRequests.open(wanted({ reviewers: ["ada", "acme/core"] }), never);
    const asked = world.host.requests.filter(({ path }) => path.endsWith("/requested_reviewers"));
    expect(asked.map(({ body }) => body)).toEqual([{ reviewers: ["ada"] }, { team_reviewers: ["core"] }]);
  });
});
