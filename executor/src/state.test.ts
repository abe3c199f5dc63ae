import { mkdir, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { StateFile } from "./state.ts";

const request = { repositoryUrl: "https://host.test/a/b", ref: "main" };
const result = { commit: "0123456789abcdef0123456789abcdef01234567", branch: "main" };
const common = { agentMark: "mark", fence: 3, adopted: null };

/** What is made of a state file with this content. */
const reading = async (content: object) => {
  await using folder = await temporaryFolder();
  await mkdir(folder.join("state"));
  await writeFile(folder.join("state/state.json"), JSON.stringify(content));
  return (await StateFile.open(folder.join("state"))).get();
};

describe("StateFile", () => {
  it("keeps every clone, in their order, and which one was not done", async () => {
    await using folder = await temporaryFolder();
    const state = await StateFile.open(folder.join("state"));
    const clones = ["web", "api"].map((directory) => ({ request: { ...request, directory }, result }));
    await state.update({ clones, cloning: { directory: "third" } });
    const { agentMark } = state.get();
    expect((await StateFile.open(folder.join("state"))).get()).toEqual({
      agentMark,
      fence: 0,
      adopted: null,
      clones,
      cloning: { directory: "third" },
    });
    await state.update({ cloning: {} });
    expect((await StateFile.open(folder.join("state"))).get()).toMatchObject({ clones, cloning: {} });
  });

  it("reads what an executor wrote that knew of one clone alone", async () => {
    const done = await reading({ ...common, cloning: false, clone: { request: { ...request, isRestored: true }, result } });
    expect(done).toEqual({ ...common, cloning: null, clones: [{ request, result }] });
    const half = await reading({ ...common, cloning: true, clone: null });
    expect(half).toEqual({ ...common, cloning: {}, clones: [] });
    const nothing = await reading({ agentMark: "mark", cloning: false, clone: null });
    expect(nothing).toEqual({ ...common, fence: 0, cloning: null, clones: [] });
  });

  it("begins anew with what cannot be read", async () => {
    const fresh = await reading({ ...common, cloning: "api", clones: [] });
    expect(fresh).toMatchObject({ cloning: null, clones: [] });
    expect(fresh.agentMark).not.toBe(common.agentMark);
  });
});
