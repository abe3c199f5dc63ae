import { readFile, writeFile } from "node:fs/promises";
import { projectRoot, sharedDockerEngine, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { BuildOutput } from "./build-output.ts";
import { DockerImages } from "./image.ts";
import { DOCKERFILE, hashImageInputs, readImageInputs, splitCertificates } from "./image-inputs.ts";

const LockFile = z.object({
  packages: z.record(z.string(), z.object({ link: z.boolean().optional(), resolved: z.string().optional() })),
});

const never = () => new AbortController().signal;
const certificate = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;

describe("what an image is made from", () => {
  it("has the sources, and no tests", async () => {
    const { files } = await readImageInputs({ projectRoot });
    const names = files.map(({ name }) => name);
    expect(names).toContain("executor/src/main.ts");
    expect(names).toContain("packages/protocol/src/index.ts");
    expect(names.filter((name) => name.includes(".test."))).toEqual([]);
  });

  it("has every workspace that the lock file speaks of, and so do the Dockerfile and the context of a build by hand", async () => {
    const { files } = await readImageInputs({ projectRoot });
    const names = new Set(files.map(({ name }) => name));
    const lock = LockFile.parse(JSON.parse(await readFile(`${projectRoot}/package-lock.json`, "utf8")));
    const workspaces = Object.values(lock.packages).flatMap(({ link, resolved }) =>
      link === true && resolved !== undefined ? [resolved] : [],
    );
    expect(workspaces.length).toBeGreaterThan(7);
    const dockerfile = await readFile(`${projectRoot}/${DOCKERFILE}`, "utf8");
    const context = (await readFile(`${projectRoot}/.dockerignore`, "utf8")).split("\n");
    for (const workspace of workspaces) {
      expect(names).toContain(`${workspace}/package.json`);
      expect(dockerfile).toContain(`COPY ${workspace}/package.json ${workspace}/\n`);
      expect(context).toContain(`!${workspace}/package.json`);
    }
  });

  it("has each certificate of a file or folder once, as a file of its own", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("a.pem"), `# one\n${certificate("AAAA")}junk\n${certificate("BBBB")}`);
    await writeFile(folder.join("b.pem"), certificate("AAAA"));
    const contents = async (extraCaCertificates: string) => {
      const { files } = await readImageInputs({ projectRoot, extraCaCertificates });
      return files.filter(({ name }) => name.endsWith(".crt")).map(({ content }) => content.toString());
    };
    expect(await contents(folder.join("a.pem"))).toEqual([certificate("AAAA"), certificate("BBBB")]);
    expect(await contents(folder.path)).toEqual([certificate("AAAA"), certificate("BBBB")]);
    expect(splitCertificates(certificate("AAAA").replaceAll("\n", "\r\n"))).toEqual([certificate("AAAA")]);
  });

  it("is refused with the setting's name when there is no certificate in what it names", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("empty.pem"), "nothing");
    for (const extraCaCertificates of [folder.join("empty.pem"), folder.join("gone.pem")]) {
      await expect(readImageInputs({ projectRoot, extraCaCertificates })).rejects.toThrow(
        /CCR_EXTRA_CA_CERTS names .*(gone|empty)\.pem/,
      );
    }
  });

  it("has a short name that changes with every input and with nothing else", () => {
    const file = (name: string, content: string) => ({ name, content: Buffer.from(content) });
    const inputs = { files: [file("a", "1"), file("b", "2")], buildArguments: { BASE_IMAGE: "x" } };
    const name = hashImageInputs(inputs);
    expect(name).toMatch(/^[0-9a-f]{12}$/);
    expect(hashImageInputs({ ...inputs, files: inputs.files.toReversed() })).toBe(name);
    const others = [
      { ...inputs, buildArguments: { BASE_IMAGE: "y" } },
      { ...inputs, buildArguments: {} },
      { ...inputs, files: [file("a", "1"), file("b", "3")] },
      { ...inputs, files: [file("a", "1"), file("c", "2")] },
      { ...inputs, files: [file("a", "1b"), file("", "2")] },
    ].map(hashImageInputs);
    expect(new Set([name, ...others]).size).toBe(others.length + 1);
  });
});

describe("the output of a build", () => {
  const outputOf = (...messages: object[]) => {
    const output = new BuildOutput();
    return { output, news: messages.map((message) => output.take(JSON.stringify(message))).filter((text) => text !== null) };
  };

  it("is told step by step, in one line each", () => {
    const { news } = outputOf(
      { status: "Pulling from library/node" },
      { status: "Downloading", id: "abc" },
      { stream: "Step 1/9 : FROM node\n" },
      { stream: "Reading package lists...\n" },
      { stream: `Step 2/9 : RUN a   && \\\n ${"b".repeat(200)}\n` },
    );
    expect(news).toEqual(["pulling the base image", "step 1/9: FROM node", expect.stringMatching(/^step 2\/9: RUN a && .*b…$/)]);
    expect(Math.max(...news.map((text) => text.length))).toBeLessThan(110);
  });

  it("says at which step it failed, with the last lines and what to do", () => {
    const { output } = outputOf(
      { stream: "Step 3/9 : RUN npm ci\n" },
      { stream: "\u001b[91mnpm error code SELF_SIGNED_CERT_IN_CHAIN\u001b[0m\n" },
      { error: "returned a non-zero code: 1" },
    );
    expect(output.error).toBe("returned a non-zero code: 1");
    const text = output.describeFailure(output.error ?? "");
    expect(text).toMatch(
      /^Building the executor image failed at step 3\/9: RUN npm ci: returned a non-zero code: 1\n.*CCR_EXTRA_CA_CERTS/,
    );
    expect(text).toMatch(/ {2}npm error code SELF_SIGNED_CERT_IN_CHAIN$/);
  });

  it("stands lines that are no messages", () => {
    const output = new BuildOutput();
    expect(["", "{", "null", "7", '{"stream":5}'].map((line) => output.take(line))).toEqual([null, null, null, null, null]);
  });
});

const engine = await sharedDockerEngine();
if ("why" in engine) console.log(`Building images is not tested: ${engine.why}.`);
describe.skipIf("why" in engine)("on a real engine", () => {
  const images = (options: { baseImage: string; engine?: string }) =>
    new DockerImages({ engine: "host" in engine ? engine.host : undefined, owner: "tests", projectRoot, ...options });

  it("says which base image could not be had", async () => {
    const failing = images({ baseImage: "ccr.invalid/no-such-image:none" }).ensureImage(null, () => {}, never());
    await expect(failing).rejects.toThrow(/^Building the executor image failed at step \d+\/\d+: FROM .*\n.*CCR_BASE_IMAGE/);
  });

  it("builds once for callers at once, and tells each of them that it failed", async () => {
    const provider = images({ baseImage: "scratch" });
    const told: string[][] = [[], []];
    const results = await Promise.allSettled(
      told.map((lines) => provider.ensureImage(null, (text) => lines.push(text), never())),
    );
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(told[0]).toEqual(told[1]);
    expect(told[0]?.filter((line) => line.startsWith("step 1/"))).toHaveLength(1);
  });

  it("leaves the others building when one caller goes", async () => {
    const provider = images({ baseImage: "scratch" });
    const leaving = new AbortController();
    const gone = provider.ensureImage(null, () => leaving.abort(new Error("left")), leaving.signal);
    const staying = provider.ensureImage(null, () => {}, never());
    await expect(gone).rejects.toThrow("left");
    await expect(staying).rejects.toThrow("Building the executor image failed");
  });

  it("says that the engine is not there", async () => {
    const failing = images({ baseImage: "scratch", engine: "unix:///nonexistent/s" }).ensureImage(null, () => {}, never());
    await expect(failing).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("no Docker Engine") });
  });
});
