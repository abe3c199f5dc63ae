import { createHash } from "node:crypto";
import { join } from "node:path";
import type { AllowRule } from "@ccr/protocol";
import type { Config } from "../config.ts";
import { BubblewrapDriver } from "../drivers/bubblewrap/driver.ts";
import { createBubblewrapUsage } from "../drivers/bubblewrap/usage.ts";
import { createDevcontainers } from "../drivers/docker/devcontainer.ts";
import { DockerDriver } from "../drivers/docker/driver.ts";
import { DockerImages } from "../drivers/docker/image.ts";
import { DockerImageStorage } from "../drivers/docker/image-storage.ts";
import { createDockerUsage } from "../drivers/docker/usage.ts";
import { selectDriver } from "../drivers/select.ts";
import type { Report } from "../report.ts";

// An engine that is started together with this server, or again, is there by then.
const PROBE_WITHIN_MS = 60_000;

/** Builds the sandbox drivers with what belongs to each, and chooses the one that makes sandboxes. */
export const chooseDriver = async (
  config: Config,
  { stateDir, packageHosts, log }: { stateDir: string; packageHosts: () => Promise<AllowRule[]>; log: Report["log"] },
) => {
  const owner = createHash("sha256").update(config.dataDir).digest("hex").slice(0, 12);
  const { projectRoot } = config;
  const engine = config.dockerHost ?? undefined;
  const images = new DockerImages({
    engine,
    owner,
    projectRoot,
    baseImage: config.baseImage ?? undefined,
    extraCaCertificates: config.extraCaCerts ?? undefined,
    npmRegistry: config.npmRegistry ?? undefined,
    proxies: config.proxies,
  });
  const nodes = config.childEnvironment.NODE_COMPILE_CACHE;
  const drivers = [
    new DockerDriver({ engine, owner, stateDir: join(stateDir, "docker") }),
    new BubblewrapDriver({
      owner,
      stateDir: join(stateDir, "bubblewrap"),
      projectRoot,
      // The server runs what lies there itself.
      compiledDir: nodes === undefined ? undefined : join(nodes, "sandboxes"),
      warn: (text) => log("warn", text),
    }),
  ];
  const waiting = (why: string): void => log("warn", `waiting for ${config.driver}: ${why}`);
  const signal = AbortSignal.timeout(PROBE_WITHIN_MS);
  const { driver, because } = await selectDriver({ wanted: config.driver, drivers, waiting }, signal);
  const usesImages = driver.name === "docker";
  const devcontainers = createDevcontainers({
    folder: join(stateDir, "devcontainers"),
    owner,
    engine,
    path: config.childEnvironment.PATH ?? "",
    hasNetwork: config.devcontainerNetwork,
    featureHosts: async () => new Set((await packageHosts()).map(({ host }) => host)),
  });
  const meters = new Map([
    ["docker", createDockerUsage({ engine })],
    ["bubblewrap", createBubblewrapUsage({ stateDir: join(stateDir, "bubblewrap") })],
  ]);
  return {
    driver,
    drivers,
    meters,
    sentence: because,
    images: usesImages ? images : null,
    devcontainers: usesImages ? devcontainers : null,
    storage: usesImages ? new DockerImageStorage({ engine, owner, images }) : null,
  };
};
