import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openBubblewrap } from "../conformance/drivers.ts";
import { never, openSandbox } from "../conformance/sandbox.ts";

it.skipIf(process.platform !== "linux")(
  "destroys at a second try what the first could not remove",
  async (context) => {
    await using under = await openBubblewrap();
    await using sandbox = await openSandbox(under);
    const { driver, handle } = sandbox;
    const traces = await under.traces(handle.instanceId);
    const group = traces.flatMap((trace) => /^control group (.*)/.exec(trace)?.slice(1) ?? [])[0];
    if (group === undefined)
      return context.skip("there are no control groups here, and nothing else that can be kept from going");
    // A group with another one inside cannot be removed.
    await mkdir(join(group, "stray"));
    await expect(driver.destroy(handle)).rejects.toThrow(/EBUSY/);
    expect(await driver.list()).toContainEqual(handle);
    expect(await driver.inspect(handle)).toMatchObject({ status: "exited" });
    expect(await driver.logs(handle, never())).toContain("listening");
    await rmdir(join(group, "stray"));
    await driver.destroy(handle);
    expect(await driver.inspect(handle)).toEqual({ status: "gone" });
    expect(await under.traces(handle.instanceId)).toEqual([]);
  },
  30_000,
);
