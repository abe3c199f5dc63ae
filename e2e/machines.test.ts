import { readdir } from "node:fs/promises";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { atWork, expectWhole, launch, openWorld, type World } from "./src/world.ts";

const foldersOf = (at: World, name: string): Promise<string[]> => readdir(at.folder.join(name, "instances"));

// Each has servers of its own, and mostly waits: they do so together.
describe.concurrent("servers on several machines", () => {
  it("leave its runs to one that was stopped in order, and it goes on with them when it is back", async () => {
    await using at = await openWorld();
    const one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    const { instanceId } = await atWork(one, id);
    await using two = await at.serve("two", { CCR_TOKEN: one.token }, "elsewhere");
    await one.stop();
    // Long enough for it to look at every lease several times.
    const other = await launch(two, at.repository.path);
    expect(await two.untilFinal(other)).toMatchObject({ status: "succeeded" });
    expect(await two.client.runs.byId.query({ id })).toMatchObject({ status: "running", instanceId });
    await using again = await at.serve("one");
    expect(await two.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed", instanceId });
    await expectWhole(again, id);
    expect(two.output()).not.toContain("is taken up");
    const bundle = await two.fetch(`/runs/${id}/work.bundle`);
    expect([bundle.status, await bundle.text()]).toEqual([404, expect.stringContaining("kept by another server")]);
    expect(await (await two.fetch(`/runs/${id}/work.patch`)).text()).toContain("+tick");
  });

  it("end what they cannot reach when its server is dead, and it clears away when it is back", async () => {
    await using at = await openWorld();
    const one = await at.serve("one");
    const id = await launch(one, at.repository.path);
    await atWork(one, id);
    await using two = await at.serve("two", { CCR_TOKEN: one.token }, "elsewhere");
    one.process.kill("SIGKILL");
    await one.stop();
    expect(await two.untilFinal(id)).toMatchObject({
      status: "errored",
      reason: "server_lost",
      sentence: expect.stringMatching(/cannot be reached from here\. It was on .+\.$/),
    });
    expect(await foldersOf(at, "one")).toHaveLength(1);
    await using again = await at.serve("one");
    await waitFor(async () => (await foldersOf(at, "one")).length === 0, {
      what: "the folders to be removed",
      timeoutMs: 90_000,
    });
    expect(await again.client.instances.list.query()).toEqual([]);
  });
});
