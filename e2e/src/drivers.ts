import { DockerImages } from "@ccr/backend/docker-images";
import {
  type NoDockerEngine,
  type OwnDockerEngine,
  ownDockerEngine,
  projectRoot,
  sharedDockerEngine,
  whileNoOtherTest,
} from "@ccr/testkit";

export type DriverName = "docker" | "bubblewrap";

/** Both drivers, each in a list of its own as `describe.each` takes them; Docker is left out, with the reason said, where no engine can be had. */
export const driversUnderTest = async (): Promise<[DriverName][]> => {
  // For a quick look at one of them while working.
  if (process.env.CCR_TEST_DRIVERS === "bubblewrap") return [["bubblewrap"]];
  const engine = await sharedDockerEngine();
  if (!("why" in engine)) return [["bubblewrap"], ["docker"]];
  process.stdout.write(`end-to-end tests on Docker are left out: ${engine.why}\n`);
  if (process.env.CI) throw new Error(`end-to-end tests on Docker cannot be left out here: ${engine.why}`);
  return [["bubblewrap"]];
};

type Prepared = { variables: Record<string, string>; image: string };
let prepared: Promise<Prepared> | null = null;

/** What a server needs to use the tests' engine. The executor image is built first, so that no run has to wait for it. */
export const dockerEnvironment = async (): Promise<Record<string, string>> => {
  prepared ??= prepare();
  return (await prepared).variables;
};

/** An engine that belongs to the caller alone, with the executor image, and what a server needs to use it. */
export const ownEngine = async (): Promise<{ engine: OwnDockerEngine; variables: Record<string, string> } | NoDockerEngine> => {
  prepared ??= prepare();
  const { image, variables } = await prepared;
  const engine = await ownDockerEngine({ reference: image, from: variables.DOCKER_HOST ?? "" });
  return "why" in engine ? engine : { engine, variables: { ...variables, DOCKER_HOST: engine.host } };
};

const prepare = async (): Promise<Prepared> => {
  const engine = await sharedDockerEngine();
  if ("why" in engine) throw new Error(engine.why);
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  const images = new DockerImages({
    engine: engine.host,
    owner: "tests",
    projectRoot,
    baseImage: engine.baseImage,
    extraCaCertificates: certificates,
  });
  const image = await whileNoOtherTest("image", () => images.ensureImage(null, () => {}, AbortSignal.timeout(900_000)));
  const variables = {
    DOCKER_HOST: engine.host,
    CCR_BASE_IMAGE: engine.baseImage,
    ...(certificates === undefined ? {} : { CCR_EXTRA_CA_CERTS: certificates }),
  };
  return { image, variables };
};
