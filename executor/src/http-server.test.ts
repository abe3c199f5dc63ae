import { connect } from "node:net";
import { executorRoutes } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAuthorized } from "./http-server.ts";
import { executorFolder, startExecutor, type TestExecutor } from "./testing/executor.ts";

let folder: Awaited<ReturnType<typeof executorFolder>>;
let tcp: TestExecutor;
const token = "a-token-of-this-test";

beforeAll(async () => {
  folder = await executorFolder();
  tcp = await startExecutor({ folder, listen: "127.0.0.1:0", env: { EXECUTOR_TOKEN: token } });
});
afterAll(async () => {
  await tcp[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const code = (answer: { json: unknown }) => answer.json;
const errorOf = (name: string, says: RegExp) => ({ error: { code: name, message: expect.stringMatching(says) } });

describe("over TCP", () => {
  it.each(Object.values(executorRoutes).map(({ method, path }) => [method, path]))(
    "asks for the token on %s %s",
    async (method, path) => {
      for (const authorization of ["", "Bearer", "Bearer wrong", `Bearer ${token}x`, `Basic ${token}`, `Bearer x ${token}`]) {
        const answer = await tcp.ask(method, path, method === "POST" ? {} : undefined, { headers: { authorization } });
        expect(answer.status).toBe(401);
        expect(code(answer)).toEqual(errorOf("unauthorized", /token/));
        expect(answer.text).not.toContain(token);
      }
    },
  );

  it("asks for the token before it says what there is", async () => {
    expect((await tcp.ask("GET", "/nothing", undefined, { headers: { authorization: "" } })).status).toBe(401);
  });

  it("answers health by its schema", async () => {
    const answer = await tcp.ask("GET", "/health");
    expect(answer.status).toBe(200);
    expect(executorRoutes.health.response.parse(answer.json)).toMatchObject({
      status: "ok",
      state: "idle",
      executionId: null,
      sessionId: null,
      lastSeq: 0,
      ackedSeq: 0,
      spoolBytes: 0,
      executingMs: null,
      claudeCodeVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });

  it("names what it does not have, and what it takes instead", async () => {
    expect(await tcp.ask("GET", "/nothing")).toMatchObject({ status: 404, json: errorOf("not_found", /\/nothing/) });
    expect(await tcp.ask("GET", "/health/../nothing")).toMatchObject({ status: 404 });
    const wrong = await tcp.ask("DELETE", "/execute");
    expect(wrong).toMatchObject({ status: 405, json: errorOf("method_not_allowed", /POST, GET/) });
    expect(wrong.headers.allow).toBe("POST, GET");
  });

  it.each([
    ["/execute", {}, /prompt/],
    ["/execute", { prompt: "" }, /prompt: the prompt is empty/],
    ["/execute", { prompt: "x", maxTurns: 0 }, /maxTurns/],
    ["/execute", { prompt: "x", stallTimeoutMs: 1 }, /stallTimeoutMs/],
    ["/execute?after=-1", { prompt: "x" }, /after/],
    ["/execute?after=x", { prompt: "x" }, /after/],
    ["/execute?after=1", { prompt: "x" }, /after: 1 is beyond the last event/],
    ["/ack", {}, /seq/],
    ["/ack", { seq: -1 }, /seq/],
    ["/ack", { seq: 1 }, /seq: 1 is beyond the last event/],
    ["/git-clone", {}, /repositoryUrl/],
    ["/git-clone", { repositoryUrl: "a\nb" }, /repositoryUrl/],
    ["/git-clone", { repositoryUrl: "https://u:p@host.test/r" }, /credential/],
    ["/check", { command: "" }, /command/],
    ["/check", { command: "x", timeoutMs: 0 }, /timeoutMs/],
    ["/init-git", { email: 7 }, /email/],
    ["/check", "{", /not JSON/],
    ["/check", Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
    ["/check", "[]", /expected object/],
  ])("refuses %s %j and says which field", async (path, body, says) => {
    expect(await tcp.ask("POST", path, body)).toMatchObject({ status: 400, json: errorOf("bad_request", says) });
  });

  it("refuses to follow from beyond the end", async () => {
    expect(await tcp.ask("GET", "/execute?after=5")).toMatchObject({ status: 400, json: errorOf("bad_request", /last event/) });
    const empty = await tcp.ask("GET", "/execute?after=0");
    expect(empty).toMatchObject({ status: 200, text: "" });
    expect(empty.headers["content-type"]).toBe("application/x-ndjson");
  });

  it("refuses a body that is too large, whether or not its length is told", async () => {
    const whole = await tcp
      .ask("POST", "/execute", undefined, { headers: { "content-length": String(1024 ** 3) } })
      .catch(() => null);
    expect(whole).toMatchObject({ status: 413, json: errorOf("payload_too_large", /67,108,864/) });
    const chunked = await tcp.ask("POST", "/execute", Buffer.alloc(65 * 1024 * 1024, "x"), {
      headers: { "transfer-encoding": "chunked" },
    });
    expect(chunked).toMatchObject({ status: 413 });
    expect((await tcp.ask("GET", "/health")).status).toBe(200);
  });

  it("takes a prompt of ten million characters to the check of its length", async () => {
    const answer = await tcp.ask("POST", "/execute", { prompt: "ü".repeat(10 * 1024 * 1024 + 1) });
    expect(answer).toMatchObject({ status: 400, json: errorOf("bad_request", /prompt/) });
  });

  it("says that interrupting nothing interrupted nothing", async () => {
    expect(await tcp.ask("POST", "/interrupt")).toMatchObject({ status: 200, json: { interrupted: false } });
    expect(await tcp.ask("POST", "/interrupt", {})).toMatchObject({ status: 200, json: { interrupted: false } });
  });

  it("has nothing to compare before a clone", async () => {
    expect(await tcp.ask("GET", "/diff")).toMatchObject({ status: 409, json: errorOf("conflict", /no repository was cloned/) });
  });

  it("survives a client that speaks no HTTP", async () => {
    const port = Number(new URL(tcp.address).port);
    const socket = connect(port, "127.0.0.1").resume();
    socket.on("error", () => {});
    socket.write("\x16\x03\x01 nonsense\r\n\r\n");
    await waitFor(() => socket.destroyed || socket.readableEnded, { what: "the connection to be closed" });
    expect((await tcp.ask("GET", "/health")).status).toBe(200);
  });
});

describe("isAuthorized", () => {
  it("takes the token alone, and anything when there is none", () => {
    expect(isAuthorized("Bearer abc", "abc")).toBe(true);
    expect(isAuthorized("bearer  abc ", "abc")).toBe(true);
    for (const header of [undefined, "", "abc", "Bearer ab", "Bearer abcd", "Bearer  "])
      expect(isAuthorized(header, "abc")).toBe(false);
    expect(isAuthorized(undefined, null)).toBe(true);
  });
});
