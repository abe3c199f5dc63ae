import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createGitRepository, type ForgeKind, temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import type { Forge } from "../types.ts";
import { addressOf, never, REPOSITORY, startWorld, type World, wanted } from "./world.ts";

/** What git and a forge must do together. */
export const describeGit = (kind: ForgeKind, chooseForge: (world: World) => Forge = ({ forge }) => forge): void => {
  describe(`git on ${kind}`, () => {
    test("pushes with the forge's credential, and the pull request has what was pushed", async () => {
      await using root = await temporaryFolder();
      await mkdir(dirname(root.join(REPOSITORY)), { recursive: true });
      await using origin = await createGitRepository({
        path: root.join(`${REPOSITORY}.git`),
        files: { "a.txt": "a\n" },
        bare: true,
      });
      await using work = await createGitRepository({
        path: root.join("work"),
        files: { "a.txt": "a\n" },
        branches: { work: { "b.txt": "b\n" } },
      });
      await using world = await startWorld(kind, { repositories: [{ path: REPOSITORY }], root: root.path });
      const forge = chooseForge(world);
      const address = addressOf(`${world.host.url}/${REPOSITORY}.git`);
      const credential = await forge.credential(address, never);
      const url = new URL(`${world.host.url}/${REPOSITORY}.git`);
      url.username = credential?.username ?? "";
      url.password = credential?.password ?? "";
      await work.git("push", "--quiet", url.href, "work");
      const { pullRequest } = await forge.pullRequests.open(wanted(), never);
      expect(pullRequest.headCommit).toBe(await origin.commitId("work"));
    });
  });
};
