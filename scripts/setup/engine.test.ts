import { createServer, type RequestListener } from "node:http";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { engineAddress, probeEngine } from "./engine.mjs";

const listen = async (socketPath: string, answer: RequestListener) => {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

test.each([
  [{}, { kind: "socket", socketPath: "/var/run/docker.sock" }],
  [{ DOCKER_HOST: "" }, { kind: "socket", socketPath: "/var/run/docker.sock" }],
  [{ DOCKER_HOST: "unix:///run/user/1000/docker.sock" }, { kind: "socket", socketPath: "/run/user/1000/docker.sock" }],
  [{ DOCKER_HOST: "tcp://10.0.0.1:2375" }, { kind: "tcp", host: "10.0.0.1", port: 2375 }],
  [{ DOCKER_HOST: "tcp://[::1]:2375" }, { kind: "tcp", host: "::1", port: 2375 }],
  [
    { DOCKER_HOST: "tcp://10.0.0.1:2376", DOCKER_TLS_VERIFY: "1" },
    { kind: "other", address: "tcp://10.0.0.1:2376" },
  ],
  [{ DOCKER_HOST: "ssh://me@host" }, { kind: "other", address: "ssh://me@host" }],
])("%j means %j", (env, address) => {
  expect(engineAddress(env)).toEqual(address);
});

test("an engine that answers its ping is there", async () => {
  await using folder = await temporaryFolder();
  const asked: string[] = [];
  await using _server = await listen(folder.join("d.sock"), (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end("OK");
  });
  expect(await probeEngine({ DOCKER_HOST: `unix://${folder.join("d.sock")}` })).toEqual({
    answers: true,
    sentence: `Docker Engine at ${folder.join("d.sock")}`,
  });
  expect(asked).toEqual(["GET /_ping"]);
});

test("says why there is none: no socket, something else, silence", async () => {
  await using folder = await temporaryFolder();
  await using _other = await listen(folder.join("other.sock"), (_, response) => response.writeHead(404).end());
  await using _silent = await listen(folder.join("silent.sock"), () => {});
  const why = async (name: string) => {
    const found = await probeEngine({ DOCKER_HOST: `unix://${folder.join(name)}` });
    return found.answers ? "answers" : found.why;
  };
  expect(await why("none.sock")).toBe(`no Docker Engine runs at ${folder.join("none.sock")}`);
  expect(await why("other.sock")).toContain("HTTP 404");
  expect(await why("silent.sock")).toContain("no answer within 2 seconds");
});
