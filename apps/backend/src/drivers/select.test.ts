import { expect, it } from "vitest";
import { selectDriver } from "./select.ts";
import type { Probe, SandboxDriver } from "./types.ts";

type Candidate = Pick<SandboxDriver, "name" | "probe">;
const driver = (name: SandboxDriver["name"], probe: Probe): Candidate => ({ name, probe: async () => probe });
const usable = (details: string): Probe => ({ usable: true, details });
const unusable = (why: string): Probe => ({ usable: false, why });
const select = (wanted: "auto" | SandboxDriver["name"], ...drivers: Candidate[]) =>
  selectDriver({ wanted, drivers }, new AbortController().signal);

const docker = driver("docker", usable("Docker Engine 27"));
const noDocker = driver("docker", unusable("There is no Docker Engine."));
const bubblewrap = driver("bubblewrap", usable("bubblewrap 0.8"));
const noBubblewrap = driver("bubblewrap", unusable("It is not installed."));

it("takes Docker when an engine answers, in whatever order the drivers are given", async () => {
  const selected = await select("auto", bubblewrap, docker);
  expect(selected.driver).toBe(docker);
  expect(selected.because).toContain("docker (Docker Engine 27)");
});

it("takes bubblewrap when no engine answers, and says why it is not Docker", async () => {
  const selected = await select("auto", noDocker, bubblewrap);
  expect(selected.driver).toBe(bubblewrap);
  expect(selected.because).toMatch(/bubblewrap \(bubblewrap 0\.8\).*There is no Docker Engine\.$/);
});

it("takes what is wanted even where the other would do, and does not ask the other", async () => {
  const unasked: Candidate = { name: "docker", probe: () => Promise.reject(new Error("asked")) };
  expect((await select("bubblewrap", unasked, bubblewrap)).driver).toBe(bubblewrap);
});

it("does not fall back from what is wanted, and gives the reason", async () => {
  await expect(select("docker", noDocker, bubblewrap)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("There is no Docker Engine."),
  });
});

it("gives every reason when there is no usable driver", async () => {
  await expect(select("auto", noDocker, noBubblewrap)).rejects.toThrow(
    /docker: There is no Docker Engine\. bubblewrap: It is not installed\./,
  );
});

it("waits for what is wanted while it may come up, and says so once", async () => {
  const probes = [unusable("It is starting."), unusable("It is starting."), usable("Docker Engine 27")];
  const starting: Candidate = {
    name: "docker",
    probe: async () => {
      const probe = probes.shift() ?? unusable("It was asked too often.");
      return probe.usable ? probe : { ...probe, passing: true };
    },
  };
  const said: string[] = [];
  const options = { wanted: "docker", drivers: [starting], waiting: (why: string) => said.push(why) } as const;
  expect((await selectDriver(options, new AbortController().signal)).driver).toBe(starting);
  expect(said).toEqual(["It is starting."]);
});

it("gives the last reason when what is wanted does not come up in time", async () => {
  const silent: Candidate = { name: "docker", probe: async () => ({ usable: false, why: "It is silent.", passing: true }) };
  const options = { wanted: "docker", drivers: [silent] } as const;
  await expect(selectDriver(options, AbortSignal.timeout(50))).rejects.toThrow(/asked for cannot be used.*It is silent\./);
});
