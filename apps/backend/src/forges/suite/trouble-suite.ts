import { createServer } from "node:http";
import type { ForgeFault, ForgeKind } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { failureOf, never, REPOSITORY, startWorld, wanted } from "./world.ts";

/** A server that only counts what it is asked. */
const startStranger = async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(JSON.stringify(request.headers));
    response.writeHead(200, { "content-type": "application/json" }).end("[]");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://localhost:${address.port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** What every forge must do when its host does not do what it is asked. */
export const describeTrouble = (kind: ForgeKind): void => {
  describe(`trouble with ${kind}`, () => {
    test("a wrong token is unauthorized, and not repeated in what is said", async () => {
      await using world = await startWorld(kind);
      const forge = world.as({ kind: "token", username: null, token: "wrong-token-4711" });
      const error = await failureOf(forge.pullRequests.defaultBranch(REPOSITORY, never));
      expect(error).toMatchObject({ name: "ForgeError", kind: "unauthorized" });
      expect(String(error)).toContain("does not take the token");
      expect(String(error)).not.toContain("4711");
    });

    test("a host that asks for a token says so", async () => {
      await using world = await startWorld(kind);
      const error = await failureOf(world.as(null).pullRequests.defaultBranch(REPOSITORY, never));
      expect(error).toMatchObject({ kind: "unauthorized", message: expect.stringContaining("asks for a token") });
    });

    test("a token that may only read is forbidden to write", async () => {
      await using world = await startWorld(kind);
      const forge = world.as({ kind: "token", username: null, token: world.host.readOnlyToken });
      expect(await forge.pullRequests.defaultBranch(REPOSITORY, never)).toBe("main");
      const error = await failureOf(forge.pullRequests.open(wanted(), never));
      expect(error).toMatchObject({ kind: "forbidden", message: expect.stringContaining("needs more rights") });
    });

    test("what the host repeats of a token is not handed on", async () => {
      await using world = await startWorld(kind);
      world.host.refuse({ status: 400, body: { message: `token ${world.host.token}\u001b[31m is bad` } });
      const error = await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never));
      expect(error).toMatchObject({ kind: "refused" });
      expect(String(error)).toContain("token *** ");
      expect(String(error)).not.toContain("\u001b");
    });

    test("reading is tried once more after a failure of the host, writing is not", async () => {
      await using world = await startWorld(kind);
      world.host.refuse({ status: 502 });
      expect(await world.forge.pullRequests.defaultBranch(REPOSITORY, never)).toBe("main");
      world.host.refuse("cut");
      expect(await world.forge.pullRequests.defaultBranch(REPOSITORY, never)).toBe("main");
      world.host.refuse({ status: 500 }, ({ method }) => method === "POST");
      expect(await failureOf(world.forge.pullRequests.open(wanted(), never))).toMatchObject({ kind: "unreachable", status: 500 });
      expect(world.host.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
      expect((await world.forge.pullRequests.open(wanted(), never)).pullRequest.number).toBe(1);
    });

    test("a host that asks for a moment is waited for, one that asks for long is not", async () => {
      await using world = await startWorld(kind);
      world.host.refuse({ status: 429, headers: { "retry-after": "0" } });
      expect((await world.forge.pullRequests.open(wanted(), never)).pullRequest.number).toBe(1);
      world.host.refuse({ status: 429, headers: { "retry-after": "3600" } });
      const error = await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never));
      expect(error).toMatchObject({ kind: "rate_limited", message: expect.stringContaining("3600 s") });
      world.host.refuse({ status: 429 });
      expect(await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never))).toMatchObject({ kind: "rate_limited" });
    });

    test("a host that does not answer is given up", async () => {
      await using world = await startWorld(kind, { limits: { timeoutMs: 100 } });
      world.host.refuse("hang");
      const error = await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never));
      expect(error).toMatchObject({ kind: "unreachable", message: expect.stringContaining("did not answer within 0.1 s") });
      expect(world.host.requests).toHaveLength(1);
    });

    test("who does not want to wait any more does not have to", async () => {
      await using world = await startWorld(kind);
      const controller = new AbortController();
      const reason = new Error("enough");
      world.host.refuse("hang");
      const hung = failureOf(world.forge.pullRequests.open(wanted(), controller.signal));
      await expect.poll(() => world.host.requests.length).toBe(1);
      controller.abort(reason);
      expect(await hung).toBe(reason);
      world.host.refuse({ status: 429, headers: { "retry-after": "5" } });
      const again = new AbortController();
      const waiting = failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, again.signal));
      await expect.poll(() => world.host.requests.length).toBe(2);
      again.abort(reason);
      expect(await waiting).toBe(reason);
    });

    test.each([
      ["cut in the middle", "cannot be reached"],
      ["page", "a page instead of data"],
      ["broken", "broken data"],
      ["huge", "more than 16 MiB"],
      [{ status: 200, body: 7 }, "in a form that this version does not know"],
      [{ status: 302 }, "without saying where to"],
    ] satisfies [ForgeFault, string][])("%j is no answer", async (fault, said) => {
      await using world = await startWorld(kind);
      world.host.refuse(fault);
      world.host.refuse(fault);
      const error = await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never));
      expect(error).toMatchObject({ name: "ForgeError", kind: "unreachable", message: expect.stringContaining(said) });
      expect(String(error)).not.toContain(world.host.token);
    });

    test("a redirect takes the token to no other host", async () => {
      await using stranger = await startStranger();
      await using world = await startWorld(kind);
      for (const status of [301, 302, 307, 308]) {
        world.host.refuse({ redirectTo: `${stranger.url}/x`, status });
        const error = await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never));
        expect(error).toMatchObject({ kind: "unreachable", message: expect.stringContaining("where the token is not sent") });
      }
      world.host.refuse({ redirectTo: `${stranger.url}/x`, status: 307 }, ({ method }) => method === "POST");
      await failureOf(world.forge.pullRequests.open(wanted(), never));
      expect(stranger.seen).toEqual([]);
    });

    test("a redirect within the host is followed, and not for ever", async () => {
      await using world = await startWorld(kind);
      await world.forge.pullRequests.defaultBranch(REPOSITORY, never);
      const path = world.host.requests[0]?.path ?? "";
      world.host.refuse({ redirectTo: path, status: 301 });
      expect(await world.forge.pullRequests.defaultBranch(REPOSITORY, never)).toBe("main");
      for (let index = 0; index < 10; index++) world.host.refuse({ redirectTo: path, status: 301 });
      const error = await failureOf(world.forge.pullRequests.defaultBranch(REPOSITORY, never));
      expect(error).toMatchObject({ kind: "unreachable", message: expect.stringContaining("on and on") });
    });
  });
};
