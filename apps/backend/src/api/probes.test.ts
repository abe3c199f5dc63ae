import type { Readiness } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { routeOf } from "./observed.ts";
import { serveHttp, TOKEN } from "./testing/serve.ts";

const bearer = { authorization: `Bearer ${TOKEN}` };

describe("the probes", () => {
  it("answer without a token, under any name", async () => {
    await using server = await serveHttp();
    for (const host of ["10.0.0.7:4100", "runner.internal", "evil.test"]) {
      expect(await server.ask("/healthz", { headers: { host } })).toMatchObject({ status: 200, body: "ok" });
      expect(await server.ask("/readyz", { headers: { host } })).toMatchObject({ status: 200 });
      // Nothing else does.
      expect((await server.ask("/trpc/server.info", { headers: { host, ...bearer } })).status).toBe(403);
    }
    expect((await server.ask("/healthz", { method: "POST" })).status).toBe(401);
  });

  it("are 503 with the parts when the server is not ready, and never kept by a cache", async () => {
    const readiness: Readiness = {
      ready: false,
      parts: { store: "ok", sandbox: "No sandbox can be made now.", gateway: "ok", disk: "ok" },
    };
    await using server = await serveHttp({ readiness: async () => readiness });
    const answer = await server.ask("/readyz");
    expect(answer.status).toBe(503);
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(JSON.parse(answer.body)).toEqual(readiness);
  });
});

describe("the metrics", () => {
  it("want the token, and then answer under any name", async () => {
    await using server = await serveHttp();
    expect((await server.ask("/metrics")).status).toBe(401);
    expect((await server.ask("/metrics", { headers: { authorization: "Bearer wrong-wrong-wrong" } })).status).toBe(401);
    expect((await server.ask("/metrics", { headers: { host: "ccr.internal", authorization: "Bearer wrong" } })).status).toBe(403);
    expect((await server.ask(`/metrics?token=${TOKEN}`)).status).toBe(401);
    const answer = await server.ask("/metrics", { headers: { host: "ccr.internal:4100", ...bearer } });
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining("ccr_queue_depth 1") });
    expect(answer.headers["content-type"]).toContain("version=0.0.4");
  });

  it("count requests by route, without anything that a client can make up", async () => {
    await using server = await serveHttp({
      context: {
        upkeep: { disk: () => Promise.reject(new Error("broken")), cleanUp: () => Promise.reject(new Error("broken")) },
      },
    });
    await server.query("server.disk");
    await server.query(`nothing.${"x".repeat(50)}`);
    await server.ask("/trpc/server.disk,server.disk?batch=1", { headers: bearer });
    await server.ask("/runs/run_0123456789/work.patch", { headers: { host: "evil.test" } });
    await server.ask("/assets/deep/er/file.js", { headers: bearer });
    await server.ask("/login?token=wrong");
    const { body } = await server.ask("/metrics", { headers: bearer });
    const counts = body.split("\n").filter((line) => line.startsWith("ccr_http_request_duration_seconds_count"));
    expect(counts.map((line) => line.replace(/^\S+\{method="GET",/, ""))).toEqual([
      'route="/trpc/server.disk",status="500"} 1',
      'route="/trpc/*",status="404"} 1',
      'route="/trpc/*",status="500"} 1',
      'route="/runs/:id/:file",status="403"} 1',
      'route="/*",status="404"} 1',
      'route="/login",status="401"} 1',
    ]);
  });

  it("know a route by its pattern", () => {
    const isProcedure = (name: string) => name === "runs.byId";
    expect(routeOf("/trpc/runs.byId", ["/trpc/*"], isProcedure)).toBe("/trpc/runs.byId");
    expect(routeOf("/trpc/runs.byId,runs.byId", ["/trpc/*"], isProcedure)).toBe("/trpc/*");
    expect(routeOf("/x/1", ["/*", "/x/:id", "*"], isProcedure)).toBe("/x/:id");
    expect(routeOf("/anything", ["/*", "*"], isProcedure)).toBe("/*");
  });
});

describe("the log", () => {
  it("has every request at its lowest level, without the token of a login link", async () => {
    await using server = await serveHttp();
    await server.ask(`/login?token=${TOKEN}`);
    const lines = server.lines.map((line): unknown => JSON.parse(line));
    expect(lines).toEqual([{ time: expect.any(String), level: "debug", msg: "GET /login 303", durationMs: expect.any(Number) }]);
    expect(server.lines.join()).not.toContain(TOKEN);
  });

  it("has the whole of an error nobody foresaw, but for secrets, and the client none of it", async () => {
    const disk = () => Promise.reject(new Error(`cannot open /srv/secret with ${TOKEN}`));
    await using server = await serveHttp({ context: { upkeep: { disk, cleanUp: () => Promise.reject(new Error("unused")) } } });
    const answer = await server.query("server.disk");
    expect(answer.status).toBe(500);
    expect(answer.body).toContain("its log says what");
    expect(answer.body).not.toContain("/srv/secret");
    const logged: unknown = JSON.parse(server.lines[0] ?? "");
    expect(logged).toMatchObject({
      level: "error",
      path: "server.disk",
      error: { message: "cannot open /srv/secret with ***", stack: expect.stringContaining("probes.test.ts") },
    });
    expect(server.lines.join()).not.toContain(TOKEN);
  });
});
