import { CreateEnvironmentInput, type RunEnvironment } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { copyOf } from "./environment.ts";
import { networkAgain, networkOf, usualHosts } from "./network.ts";

test.each([
  ["packages", "none", "none", { network: "packages", networkBy: "launch" }],
  ["none", "packages", "packages", { network: "none", networkBy: "launch" }],
  [undefined, "none", "packages", { network: "none", networkBy: "task" }],
  [undefined, null, "packages", { network: "packages", networkBy: "environment" }],
  [undefined, null, null, { network: "none", networkBy: null }],
] as const)("of a launch that says %s, a task that says %s and an environment that says %s", (launch, task, said, decided) => {
  expect(networkOf(launch, task, said === null ? null : { network: said })).toEqual(decided);
});

test("what a person or a task said is kept by a run that does it once more, and an environment is asked again", () => {
  const today = { network: "none" } as const;
  for (const networkBy of ["launch", "task"] as const)
    expect(networkAgain({ network: "packages", networkBy }, today)).toEqual({ network: "packages", networkBy });
  expect(networkAgain({ network: "packages", networkBy: "environment" }, today)).toEqual({
    network: "none",
    networkBy: "environment",
  });
  expect(networkAgain({ network: "none", networkBy: null }, null)).toEqual({ network: "none", networkBy: null });
});

describe("what a run may reach without being allowed it", () => {
  const rule = (host: string) => ({ host, ports: [443] });
  const hostsOf = async (network: "none" | "packages", environment: RunEnvironment | null) => {
    let asked = 0;
    const packageHosts = async () => {
      asked++;
      return [rule("packages.test")];
    };
    const rules = await usualHosts({ network, environment }, { allowedHosts: [rule("server.test")], setup: { packageHosts } });
    return [rules.map(({ host }) => host).join(" "), asked];
  };

  test("is what its server, its environment and its preset name; the set-up's own is no part of it", async () => {
    await using store = await openSqliteStore({ path: IN_MEMORY });
    const setup = { script: "npm ci", network: "packages", allowedHosts: [rule("setup.test")] };
    const given = { name: "E", setup, network: "packages", allowedHosts: [rule("environment.test")] };
    const environment = copyOf(await store.environments.create(CreateEnvironmentInput.parse(given)));
    expect(await hostsOf("none", null)).toEqual(["server.test", 0]);
    // Whether the environment's preset holds was decided when the run was created.
    expect(await hostsOf("none", environment)).toEqual(["server.test environment.test", 0]);
    expect(await hostsOf("packages", environment)).toEqual(["server.test environment.test packages.test", 1]);
  });
});
