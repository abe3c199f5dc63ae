import { Readable } from "node:stream";
import { sharedDockerEngine } from "@ccr/testkit";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { connectEngine } from "./engine.ts";
import { DockerImageStorage } from "./image-storage.ts";

const engine = await sharedDockerEngine();
if ("why" in engine) console.log(`The storage of images is not tested: ${engine.why}.`);

const never = () => new AbortController().signal;

/** Executor images that hold nothing, of an owner of their own. */
const place = async (host: string) => {
  const docker = connectEngine(host.replace("unix://", ""));
  const owner = `test-${process.pid}-${Date.now()}`;
  const tags = ["a", "b", "c"].map((name) => `claude-code-runner/executor:${owner}-${name}`);
  const make = async (tag: string, labels: Record<string, string>): Promise<void> => {
    const context = pack();
    // The engine gives images of the same content one id; so they differ.
    context.entry({ name: "Dockerfile" }, `FROM scratch\nLABEL tag=${tag}\nCMD ["/x"]\n`);
    context.finalize();
    const output = await docker.buildImage(Readable.from(context), { t: tag, labels });
    output.resume();
    await new Promise((resolve, reject) => output.once("end", resolve).once("error", reject));
  };
  const containers: string[] = [];
  return {
    docker,
    owner,
    tags,
    make,
    storage: new DockerImageStorage({ engine: host, owner, images: { reference: async () => tags[1] ?? "" } }),
    async use(tag: string) {
      const container = await docker.createContainer({ Image: tag });
      containers.push(container.id);
    },
    async [Symbol.asyncDispose]() {
      for (const id of containers) await docker.getContainer(id).remove({ force: true });
      for (const tag of tags)
        await docker
          .getImage(tag)
          .remove({ force: true })
          .catch(() => {});
    },
  };
};

describe.skipIf("why" in engine)("the images on a real engine", () => {
  const host = "host" in engine ? engine.host : "";

  it("are those that this server made, with what uses them", async () => {
    await using here = await place(host);
    const [first = "", second = "", foreign = ""] = here.tags;
    const labels = { "ccr.owner": here.owner, "ccr.image.hash": "x" };
    await here.make(first, labels);
    await here.make(second, labels);
    await here.make(foreign, { ...labels, "ccr.owner": "somebody else" });
    await here.use(first);
    const images = await here.storage.list(never());
    expect(images.toSorted((a, b) => (a.reference < b.reference ? -1 : 1))).toEqual([
      { reference: first, bytes: expect.any(Number), createdAt: expect.any(Date), isCurrent: false, inUse: true },
      { reference: second, bytes: expect.any(Number), createdAt: expect.any(Date), isCurrent: true, inUse: false },
    ]);
    await expect(here.storage.remove(first, never())).rejects.toMatchObject({ code: "unavailable" });
    await here.storage.remove(second, never());
    await here.storage.remove(second, never());
    expect((await here.storage.list(never())).map(({ reference }) => reference)).toEqual([first]);
  });

  it("are in a folder that the engine names", async () => {
    await using here = await place(host);
    expect(await here.storage.root(never())).toMatch(/^\//);
  });
});

it("says that the engine is not there", async () => {
  const storage = new DockerImageStorage({
    engine: "unix:///nonexistent/docker.sock",
    owner: "x",
    images: { reference: async () => "x" },
  });
  for (const ask of [() => storage.list(never()), () => storage.root(never()), () => storage.remove("x", never())]) {
    await expect(ask()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^There is no Docker Engine at \/nonexistent/),
    });
  }
});
