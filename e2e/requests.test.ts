import { request as httpRequest } from "node:http";
import { text as readText } from "node:stream/consumers";
import { appRouter } from "@ccr/backend/router";
import { createGitRepository, startGitHttpServer, temporaryFolder } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "./src/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ driver: "bubblewrap" });
});
afterAll(() => stack?.[Symbol.asyncDispose]());

const procedures = Object.keys(appRouter._def.procedures);
const post = (body: unknown): RequestInit => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "content-type": "application/json" },
});
/** What `fetch` forbids: any Host header, and a body whose end never comes. Resolves with the answer as soon as it is there. */
const send = (
  path: string,
  options: { method?: string; headers?: Record<string, string>; unfinishedBody?: string },
): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { method = "GET", headers = {}, unfinishedBody } = options;
    const request = httpRequest(`${stack.server.url}${path}`, { method, headers });
    request.once("error", reject).once("response", (response) => {
      readText(response)
        .then((body) => resolve({ status: response.statusCode ?? 0, body }))
        .catch(reject)
        .finally(() => request.destroy());
    });
    if (unfinishedBody === undefined) request.end();
    else request.write(unfinishedBody);
  });
const step = { instructions: "Do it.", checks: "" };

describe("who may call", () => {
  it.each(procedures)("refuses %s without the token, and with a wrong one", async (name) => {
    for (const headers of [{}, { authorization: "Bearer wrong" }, { cookie: "ccr_session=wrong" }]) {
      for (const method of ["GET", "POST"]) {
        const response = await fetch(`${stack.server.url}/trpc/${name}`, { method, headers });
        expect(response.status).toBe(401);
        expect(await response.json()).toMatchObject({ error: { code: "unauthorized" } });
      }
    }
  });

  it("opens a session by the login link, and by no other", async () => {
    const good = await fetch(stack.server.loginLink, { redirect: "manual" });
    expect(good.status).toBe(303);
    const cookie = good.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).not.toContain(stack.server.token);
    const page = await fetch(stack.server.url, { headers: { cookie: cookie.split(";")[0] ?? "" } });
    expect(page.status).toBe(200);
    const bad = await fetch(`${stack.server.url}/login?token=wrong`, { redirect: "manual" });
    expect(bad.status).toBe(401);
    expect(bad.headers.get("set-cookie")).toBeNull();
  });

  it("refuses other origins, and names that it does not answer to", async () => {
    for (const origin of ["null", "http://evil.test", `${stack.server.url}.evil.test`, "http://127.0.0.1:1"]) {
      const response = await stack.server.fetch("/trpc/tasks.list", { headers: { origin } });
      expect(response.status, origin).toBe(403);
    }
    const own = await stack.server.fetch("/trpc/tasks.list", { headers: { origin: stack.server.url } });
    expect(own.status).toBe(200);
    const authorization = `Bearer ${stack.server.token}`;
    const { host, port } = new URL(stack.server.url);
    for (const foreign of ["evil.test", `evil.test:${port}`, `127.0.0.1.evil.test:${port}`, `192.0.2.1:${port}`]) {
      const answer = await send("/trpc/tasks.list", { headers: { authorization, host: foreign } });
      expect(answer, foreign).toMatchObject({ status: 403, body: expect.stringContaining("does not answer to that Host name") });
      // Not even the page on which one logs in.
      expect(await send("/login", { headers: { host: foreign } }), foreign).toMatchObject({ status: 403 });
    }
    expect(await send("/trpc/tasks.list", { headers: { authorization, host } })).toMatchObject({ status: 200 });
  });

  it("names the setting that is missing when its own page comes through a proxy with TLS", async () => {
    const { host } = new URL(stack.server.url);
    const response = await stack.server.fetch("/trpc/tasks.list", { headers: { origin: `https://${host}` } });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("set CCR_PUBLIC_URL") } });
  });

  it("answers a caller without the token before the body has come, and reads no more of a login than a token needs", async () => {
    const json = { "content-type": "application/json" };
    for (const headers of [json, { ...json, authorization: "Bearer wrong" }]) {
      const answer = await send("/trpc/tasks.create", { method: "POST", headers, unfinishedBody: '{"name":' });
      expect(answer).toMatchObject({ status: 401, body: expect.stringContaining("unauthorized") });
    }
    const long = JSON.stringify({ token: "x".repeat(9000) });
    for (const headers of [json, { ...json, "content-length": String(10_000_000) }]) {
      const answer = await send("/login", { method: "POST", headers, unfinishedBody: long });
      expect(answer).toMatchObject({ status: 413, body: expect.stringContaining("larger than 8 KiB") });
    }
    const right = await fetch(`${stack.server.url}/login`, post({ token: stack.server.token }));
    expect(right.status).toBe(204);
  });

  it("refuses mutations by GET, and by forms that a page of another site could send", async () => {
    const input = encodeURIComponent(JSON.stringify({ name: "x", steps: [step] }));
    expect((await stack.server.fetch(`/trpc/tasks.create?input=${input}`)).status).toBe(405);
    // Good in all but its type: the same body as JSON makes the task.
    const body = { name: "From another site", steps: [step] };
    for (const type of ["text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"]) {
      const headers = { "content-type": type };
      const response = await stack.server.fetch("/trpc/tasks.create", { ...post(body), headers });
      expect(response.status, type).toBe(415);
    }
    expect(await stack.server.client.tasks.list.query()).toEqual([]);
    expect((await stack.server.fetch("/trpc/tasks.create", post(body))).status).toBe(200);
    const [made] = await stack.server.client.tasks.list.query();
    expect(made).toMatchObject({ name: body.name });
    if (made !== undefined) await stack.server.client.tasks.delete.mutate({ id: made.id });
  });

  it("sends a policy that lets no page frame it and no foreign script run", async () => {
    const response = await stack.server.fetch("/");
    expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
    expect(response.headers.get("referrer-policy")).toBe("same-origin");
  });
});

describe("tasks", () => {
  it("creates, reads, updates, lists and deletes", async () => {
    const { client } = stack.server;
    const made = await client.tasks.create.mutate({
      name: "A",
      steps: [{ instructions: "one", checks: "$ true" }, { instructions: "two" }],
    });
    expect(made.steps).toEqual([
      { instructions: "one", checks: "$ true" },
      { instructions: "two", checks: "" },
    ]);
    expect(await client.tasks.byId.query({ id: made.id })).toEqual(made);
    const renamed = await client.tasks.update.mutate({ id: made.id, name: "B" });
    expect(renamed).toMatchObject({ name: "B", steps: made.steps });
    expect((await client.tasks.list.query()).map(({ id }) => id)).toContain(made.id);
    await client.tasks.delete.mutate({ id: made.id });
    await expect(client.tasks.byId.query({ id: made.id })).rejects.toThrow(`There is no task ${made.id}`);
    await expect(client.tasks.delete.mutate({ id: made.id })).rejects.toThrow("There is no task");
  });

  it.each([
    [{ name: "", steps: [step] }, "name: the name is empty"],
    [{ name: "x", steps: [] }, "steps: a task needs at least one step"],
    [{ name: "x", steps: [{ instructions: "  ", checks: "" }] }, "steps[0].instructions: the instructions are empty"],
    [{ name: "x".repeat(10_000), steps: [step] }, "name: the name is longer than 200"],
    [
      { name: "x", steps: [{ instructions: "y".repeat(1024 * 1024), checks: "" }] },
      "the instructions are 1,048,576 characters long; at most 262,144 fit",
    ],
    [{ name: "x" }, "steps:"],
    ["text", "expected object"],
  ])("refuses what is wrong (%#) with a sentence that names what is wrong", async (body, message) => {
    const before = await stack.server.client.tasks.list.query();
    const response = await stack.server.fetch("/trpc/tasks.create", post(body));
    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toContain(message);
    expect(await stack.server.client.tasks.list.query()).toEqual(before);
  });

  it("answers broken JSON, and a body beyond every limit, with a clear error", async () => {
    const broken = await stack.server.fetch("/trpc/tasks.create", { ...post(0), body: "{" });
    expect(broken.status).toBe(400);
    const huge = await stack.server.fetch(
      "/trpc/tasks.create",
      post({ name: "x", steps: [{ instructions: "y".repeat(65 * 1024 * 1024) }] }),
    );
    expect(huge.status).toBe(413);
    expect(await huge.json()).toMatchObject({ error: { code: "payload_too_large" } });
  });
});

describe("launching", () => {
  const launch = async (repository: string, ref?: string) => {
    const { client } = stack.server;
    const task = await client.tasks.create.mutate({ name: "Launch", steps: [step] });
    const { id } = await client.runs.create.mutate({ taskId: task.id, repository, ...(ref === undefined ? {} : { ref }) });
    return stack.server.untilFinal(id);
  };

  it("says so when there is no such task, run or instance", async () => {
    const { client } = stack.server;
    const missing = "0123456789abcdefghij";
    await expect(client.runs.create.mutate({ taskId: `task_${missing}`, repository: "a/b" })).rejects.toThrow(
      `There is no task task_${missing}`,
    );
    await expect(client.runs.byId.query({ id: `run_${missing}` })).rejects.toThrow("There is no run");
    await expect(client.runs.messages.query({ id: `run_${missing}` })).rejects.toThrow("There is no run");
    await expect(client.runs.diff.query({ id: `run_${missing}` })).rejects.toThrow("There is no run");
    await expect(client.runs.cancel.mutate({ id: `run_${missing}` })).rejects.toThrow("There is no run");
    await expect(client.instances.get.query({ id: `inst_${missing}` })).rejects.toThrow("There is no instance");
    await expect(client.instances.remove.mutate({ id: `inst_${missing}` })).rejects.toThrow("There is no instance");
    await expect(client.runs.byId.query({ id: "nonsense" })).rejects.toMatchObject({
      message: expect.stringContaining("is not an id of this kind"),
      data: { code: "NOT_FOUND", httpStatus: 404 },
    });
  });

  it.each([
    ["file:///etc", "'file://' addresses are not taken"],
    ["ext::sh -c touch% /tmp/pwned", "neither owner/name"],
    ["ssh://-oProxyCommand=touch/x", "is not"],
    ["--upload-pack=touch /tmp/pwned", "starts with '-'"],
    ["https://user:secret@example.org/a/b.git", "holds a credential"],
    ["https://example.org/%ff/b", "is not a plain name"],
    ["/etc/../root", "'..'"],
    ["", "the repository is empty"],
  ])("refuses the repository %s at once, and shows no secret", async (repository, message) => {
    const { client } = stack.server;
    const task = await client.tasks.create.mutate({ name: "Hostile", steps: [step] });
    const before = await client.runs.list.query();
    const error = await client.runs.create.mutate({ taskId: task.id, repository }).catch((caught: unknown) => caught);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain("secret");
    expect(await client.runs.list.query()).toEqual(before);
  });

  it("ends with a plain reason for a folder outside of the allowed ones, and for one that is not there", async () => {
    await using elsewhere = await createGitRepository({ files: { a: "a" } });
    expect(await launch(elsewhere.path)).toMatchObject({ status: "errored", reason: "repository_unreachable" });
    expect(await launch(`${stack.repositories}/none`)).toMatchObject({ status: "errored", reason: "repository_unreachable" });
  });

  it("ends with a plain reason for an empty repository and for a missing branch", async () => {
    await using empty = await createGitRepository({ path: `${stack.repositories}/empty` });
    expect(await launch(empty.path)).toMatchObject({ status: "errored", reason: "repository_empty" });
    await using full = await createGitRepository({ path: `${stack.repositories}/full`, files: { a: "a" } });
    const run = await launch(full.path, "no-such-branch");
    expect(run).toMatchObject({ status: "errored", reason: "ref_not_found" });
    expect(run.sentence).toContain("no-such-branch");
  });

  it("ends with a plain reason for servers that refuse, fail, or are not there", async () => {
    await using folder = await temporaryFolder();
    await using server = await startGitHttpServer({ root: folder.path });
    expect(await launch(`${server.url}/none.git`)).toMatchObject({ status: "errored", reason: "repository_unreachable" });
    for (const status of [401, 404, 500]) {
      server.setFault({ status });
      const run = await launch(`${server.url}/none.git`);
      expect(run, String(status)).toMatchObject({ status: "errored", reason: "repository_unreachable" });
    }
    expect(await launch("http://127.0.0.1:9/none.git")).toMatchObject({ status: "errored", reason: "repository_unreachable" });
    expect(await launch("http://169.254.169.254/latest/meta-data")).toMatchObject({
      status: "errored",
      reason: "repository_unreachable",
    });
  });

  it("gives the same run for the same idempotency key", async () => {
    const { client } = stack.server;
    await using repository = await createGitRepository({ path: `${stack.repositories}/once`, files: { a: "a" } });
    const task = await client.tasks.create.mutate({ name: "Once", steps: [step] });
    const input = { taskId: task.id, repository: repository.path, idempotencyKey: "k" };
    const [first, second] = await Promise.all([client.runs.create.mutate(input), client.runs.create.mutate(input)]);
    expect(first).toEqual(second);
    await stack.server.untilFinal(first.id);
  });
});
