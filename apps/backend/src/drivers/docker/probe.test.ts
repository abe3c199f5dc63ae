import { writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createNetServer } from "node:net";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { describeEngineError, engineSocket } from "./engine.ts";
import { type EngineInfo, judgeEngine, probeEngine } from "./probe.ts";

const never = () => new AbortController().signal;

describe("where the engine is", () => {
  it("is the default socket, or the one that DOCKER_HOST names", () => {
    expect(engineSocket(undefined)).toEqual({ socketPath: "/var/run/docker.sock" });
    expect(engineSocket("")).toEqual({ socketPath: "/var/run/docker.sock" });
    expect(engineSocket("unix:///run/user/1000/docker.sock")).toEqual({ socketPath: "/run/user/1000/docker.sock" });
  });

  it.each(["tcp://10.0.0.1:2376", "ssh://me:secret@host", "npipe:////./pipe/docker_engine", "unix://"])(
    "is not elsewhere: %s",
    (engine) => {
      const found = engineSocket(engine);
      expect(found).toEqual({ problem: expect.stringContaining("must run on this machine") });
      expect(JSON.stringify(found)).not.toContain("secret");
    },
  );
});

describe("an engine that answers", () => {
  const info: EngineInfo = {
    ServerVersion: "27.1",
    OSType: "linux",
    OperatingSystem: "Debian GNU/Linux 12",
    CgroupVersion: "2",
    MemoryLimit: true,
    PidsLimit: true,
    CpuCfsQuota: true,
    SecurityOptions: ["name=seccomp,profile=builtin"],
  };
  const judge = (changes: Partial<EngineInfo> = {}, engine: Partial<{ apiVersion: string; platform: NodeJS.Platform }> = {}) =>
    judgeEngine({ ...info, ...changes }, { apiVersion: "1.46", platform: "linux", ...engine });

  it("can be used, from 20.10 on", () => {
    expect(judge()).toEqual({ usable: true, details: "Docker Engine 27.1, cgroup v2" });
    expect(judge({}, { apiVersion: "1.41" })).toMatchObject({ usable: true });
    expect(judge({}, { apiVersion: "1.40" })).toMatchObject({ usable: false, why: expect.stringContaining("too old") });
  });

  it("says which limits its kernel does not enforce", () => {
    expect(judge({ MemoryLimit: false, PidsLimit: false })).toMatchObject({
      details: expect.stringContaining("memory, processes"),
    });
  });

  it("cannot be used when sandboxes would not be on this machine or not this user's", () => {
    const unusable = (why: RegExp) => ({ usable: false, why: expect.stringMatching(why) });
    expect(judge({ OperatingSystem: "Docker Desktop" })).toEqual(unusable(/virtual machine/));
    expect(judge({}, { platform: "darwin" })).toEqual(unusable(/virtual machine/));
    expect(judge({ OSType: "windows" })).toEqual(unusable(/Linux/));
    expect(judge({ SecurityOptions: ["name=rootless"] })).toEqual(unusable(/rootless.*bubblewrap/));
  });
});

describe("an engine that does not answer", () => {
  const listen = async (listener: RequestListener | null) => {
    const folder = await temporaryFolder();
    const server = listener === null ? createNetServer((socket) => socket.resume()) : createServer(listener);
    await new Promise<void>((resolve) => server.listen(folder.join("s"), resolve));
    return {
      engine: `unix://${folder.join("s")}`,
      [Symbol.asyncDispose]: async () => {
        await new Promise((resolve) => server.close(resolve));
        await folder[Symbol.asyncDispose]();
      },
    };
  };
  const why = async (engine: string, signal = never()) => {
    const probe = await probeEngine(engine, signal);
    return probe.usable ? "" : probe.why;
  };

  it("is not there", async () => {
    expect(await why("unix:///nonexistent/docker.sock")).toMatch(/no Docker Engine at \/nonexistent\/docker\.sock.*DOCKER_HOST/);
  });

  it("left its socket behind", async () => {
    await using folder = await temporaryFolder();
    const server = createNetServer();
    await new Promise<void>((resolve) => server.listen(folder.join("s"), resolve));
    // A file that is no socket refuses just as a socket without a listener does.
    await new Promise((resolve) => server.close(resolve));
    await writeFile(folder.join("s"), "");
    expect(await why(`unix://${folder.join("s")}`)).toMatch(/not running|not a Docker Engine/);
  });

  it("is another program", async () => {
    await using server = await listen((_, response) => response.writeHead(404).end("nothing here"));
    expect(await why(server.engine)).toMatch(/404/);
  });

  it("takes calls and hangs", async () => {
    await using server = await listen(null);
    expect(await why(server.engine)).toMatch(/does not answer.* within 5 seconds/);
  });

  it("is given up at once when the asking is stopped", async () => {
    await using server = await listen((request) => request.socket.setTimeout(100, () => request.socket.destroy()));
    expect(await why(server.engine, AbortSignal.timeout(20))).toMatch(/stopped/);
  });

  it("may not be used by this user", () => {
    expect(describeEngineError(Object.assign(new Error("connect EACCES"), { code: "EACCES" }), "/s")).toMatch(/group/);
  });
});
