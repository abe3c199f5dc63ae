import { glob, readdir } from "node:fs/promises";
import { type DockerEngine, projectRoot, temporaryFolder, whileNoOtherTest } from "@ccr/testkit";
import { BubblewrapDriver } from "../bubblewrap/driver.ts";
import { createBubblewrapUsage } from "../bubblewrap/usage.ts";
import { DockerDriver } from "../docker/driver.ts";
import { connectEngine, engineSocket } from "../docker/engine.ts";
import { DockerImages } from "../docker/image.ts";
import { LABELS } from "../docker/plan.ts";
import { createDockerUsage } from "../docker/usage.ts";
import type { SandboxDriver } from "../types.ts";
import { type DriverUnderTest, never } from "./sandbox.ts";

/** A driver whose engine is reached by another way. */
export interface DockerUnderTest extends DriverUnderTest {
  openThrough(engine: string, limits?: { answerWithinMs: number }): SandboxDriver;
}

/** The Docker driver on a real engine, with the image built when it is not there yet. */
export const openDocker = async (engine: DockerEngine): Promise<DockerUnderTest> => {
  const folder = await temporaryFolder();
  const owner = `test-${process.pid}`;
  const images = new DockerImages({
    engine: engine.host,
    owner: "tests",
    projectRoot,
    baseImage: engine.baseImage,
    extraCaCertificates: process.env.NODE_EXTRA_CA_CERTS,
  });
  const image = await whileNoOtherTest("image", () => images.ensureImage(null, (text) => console.log(text), never()));
  const socket = engineSocket(engine.host);
  if ("problem" in socket) throw new Error(socket.problem);
  const docker = connectEngine(socket.socketPath);
  const openThrough = (host: string, limits?: { answerWithinMs: number }) =>
    new DockerDriver({ engine: host, owner, stateDir: folder.join("docker"), ...limits });
  return {
    image,
    open: () => openThrough(engine.host),
    meter: createDockerUsage({ engine: engine.host }),
    elsewhere: { driver: "docker", options: { engine: engine.host, owner, stateDir: folder.join("docker") } },
    openAsAnother: () => new DockerDriver({ engine: engine.host, owner: `${owner}-b`, stateDir: folder.join("another") }),
    openThrough,
    traces: async (instanceId) => {
      const containers = await docker.listContainers({ all: true, filters: { label: [`${LABELS.instance}=${instanceId}`] } });
      const entries = await namesIn(folder.join("docker"));
      return [...containers.map(({ Id }) => `container ${Id}`), ...entries.filter((name) => name.includes(instanceId))];
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

/** The bubblewrap driver on this host. */
export const openBubblewrap = async (): Promise<DriverUnderTest> => {
  const folder = await temporaryFolder();
  const options = { owner: "test", stateDir: folder.join("bubblewrap"), projectRoot };
  return {
    image: "",
    open: () => new BubblewrapDriver(options),
    meter: createBubblewrapUsage(options),
    elsewhere: { driver: "bubblewrap", options },
    openAsAnother: () => new BubblewrapDriver({ ...options, owner: "another", stateDir: folder.join("another") }),
    traces: async (instanceId) => {
      const entries = await namesIn(folder.join("bubblewrap"));
      const groups: string[] = [];
      for await (const group of glob(`/sys/fs/cgroup/**/*${instanceId}*`)) groups.push(`control group ${group}`);
      return [...entries.filter((name) => name.includes(instanceId)), ...groups];
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
