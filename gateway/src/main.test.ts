import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { AuditRecord, type Door } from "@ccr/protocol";
import { leakWatch, type TemporaryFolder, temporaryFolder, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayClient } from "./client.ts";
import { connectTo, modelRequest, RUN, SECRET, sendRaw, startOrigin } from "./testing/house.ts";
import { runGateway, startGatewayProcess } from "./testing/process.ts";

const doorIn = async (folder: TemporaryFolder): Promise<Door> => {
  await mkdir(folder.join("doors"), { recursive: true });
  return {
    runId: RUN,
    socketPath: folder.join("doors", "gateway.sock"),
    alsoAt: [],
    auditPath: folder.join("audit.ndjson"),
    policy: { allow: [] },
    fence: 1,
    auditAfter: 0,
  };
};
const environment = (upstream: string) => ({ ANTHROPIC_API_KEY: SECRET, ANTHROPIC_BASE_URL: upstream });
const refusedRequest = (name: string) => `GET http://${name}.test/ HTTP/1.1\r\nHost: x\r\n\r\n`;

const readAudit = async ({ auditPath }: Door): Promise<AuditRecord[]> =>
  (await readFile(auditPath, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => AuditRecord.parse(JSON.parse(line)));

const takeRecords = async (client: GatewayClient, count: number): Promise<AuditRecord[]> => {
  const enough = new AbortController();
  const found: AuditRecord[] = [];
  for await (const record of client.followAudit(RUN, { after: 0 }, enough.signal)) {
    found.push(record);
    if (found.length === count) enough.abort();
  }
  return found;
};

const residentMb = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
};

describe("the gateway's process", () => {
  let leaks: Awaited<ReturnType<typeof leakWatch>>;
  beforeAll(async () => {
    leaks = await leakWatch();
  });
  afterAll(() => leaks.assertNothingLeft());

  test("goes on counting after it was killed and started again, over the sockets that were left", async () => {
    await using folder = await temporaryFolder();
    const options = { controlPath: folder.join("control.sock"), env: environment("http://127.0.0.1:9") };
    const door = await doorIn(folder);
    {
      await using gateway = await startGatewayProcess(options);
      await gateway.client.openDoor(door);
      await sendRaw(door.socketPath, refusedRequest("first"));
      await takeRecords(gateway.client, 1);
      await gateway.stop("SIGKILL");
    }
    await using gateway = await startGatewayProcess(options);
    expect((await gateway.client.health()).doors).toEqual([]);
    await gateway.client.openDoor(door);
    await sendRaw(door.socketPath, refusedRequest("second"));
    expect((await takeRecords(gateway.client, 2)).map(({ n, host }) => [n, host])).toEqual([
      [1, "first.test"],
      [2, "second.test"],
    ]);
    expect(await gateway.stop("SIGTERM")).toBe(0);
    expect(await readAudit(door)).toHaveLength(2);
  });

  test("writes what is under way to the audit before it ends at SIGTERM, and cuts its readers loudly", async () => {
    await using origin = await startOrigin((_request, response) => void response.writeHead(200).write("x"));
    await using folder = await temporaryFolder();
    await using gateway = await startGatewayProcess({ controlPath: folder.join("control.sock"), env: environment(origin.url) });
    const door = await doorIn(folder);
    await gateway.client.openDoor(door);
    const following = gateway.client.followAudit(RUN, { after: 0 }, new AbortController().signal)[Symbol.asyncIterator]().next();
    const client = connectTo(door.socketPath);
    client.on("error", () => {});
    client.write(modelRequest("{}"));
    await once(client, "data");
    const cut = expect(following).rejects.toMatchObject({ code: "unavailable" });
    expect(await gateway.stop("SIGTERM")).toBe(0);
    await cut;
    expect(await readAudit(door)).toMatchObject([{ n: 1, kind: "model", status: 200, rule: expect.stringContaining("cut off") }]);
  });

  test("goes on when whoever started it is gone and its output leads nowhere", async () => {
    await using folder = await temporaryFolder();
    await using gateway = await startGatewayProcess({
      controlPath: folder.join("control.sock"),
      env: environment("http://127.0.0.1:9"),
      isHeard: false,
    });
    const door = await doorIn(folder);
    await gateway.client.openDoor(door);
    expect(await sendRaw(door.socketPath, refusedRequest("evil"))).toMatch(/^HTTP\/1\.1 403 /);
    // Writing its last line into the void is no failure either.
    expect(await gateway.stop("SIGTERM")).toBe(0);
  });

  test("ends with one clear line when it cannot start", async () => {
    await using folder = await temporaryFolder();
    const controlPath = folder.join("control.sock");
    expect(await runGateway({ controlPath, env: {} })).toEqual({
      code: 1,
      said: "gateway: No credential for the model: set one of ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN, ANTHROPIC_AUTH_TOKEN.\n",
    });
    await using gateway = await startGatewayProcess({ controlPath, env: environment("http://127.0.0.1:9") });
    const second = await runGateway({ controlPath, env: environment("http://127.0.0.1:9") });
    expect(second).toEqual({ code: 1, said: expect.stringMatching(/^gateway: Another gateway already serves .*\n$/) });
    expect((await gateway.client.health()).status).toBe("ok");
  });

  test("shows its credential neither in its arguments, nor in its output, nor in the audit, nor to the sandbox", async () => {
    await using origin = await startOrigin((request, response) => {
      request.resume().on("end", () => response.writeHead(401, { "x-echo": `Bearer ${SECRET}` }).end(`no such token: ${SECRET}`));
    });
    await using folder = await temporaryFolder();
    const env = { CLAUDE_CODE_OAUTH_TOKEN: SECRET, ANTHROPIC_BASE_URL: origin.url };
    await using gateway = await startGatewayProcess({ controlPath: folder.join("control.sock"), env });
    const door = await doorIn(folder);
    await gateway.client.openDoor(door);
    const answer = await sendRaw(door.socketPath, modelRequest("{}", { "Anthropic-Beta": "a-1" }));
    expect(origin.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${SECRET}`,
      "anthropic-beta": "a-1,oauth-2025-04-20",
    });
    expect(answer).toMatch(/^HTTP\/1\.1 401 [\s\S]*no such token: \*{10,}/);
    expect(answer).not.toContain(SECRET);
    expect(JSON.stringify(await takeRecords(gateway.client, 1))).not.toContain(SECRET);
    expect(await readFile(`/proc/${gateway.child.pid}/cmdline`, "utf8")).not.toContain(SECRET);
    await gateway.stop("SIGTERM");
    expect(gateway.said()).toContain("with oauth_token");
    expect(gateway.said()).not.toContain(SECRET);
  });

  test("carries answers of hundreds of megabytes in flat memory", async () => {
    const block = Buffer.alloc(
      1024 * 1024,
      `event: content_block_delta\ndata: {"type":"content_block_delta","text":"${"x".repeat(100)}"}\n\n`,
    );
    const blocks = 300;
    await using origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let index = 0; index < blocks; index += 1) if (!response.write(block)) await once(response, "drain");
      response.end();
    });
    await using folder = await temporaryFolder();
    await using gateway = await startGatewayProcess({ controlPath: folder.join("control.sock"), env: environment(origin.url) });
    const door = await doorIn(folder);
    await gateway.client.openDoor(door);
    await sendRaw(door.socketPath, modelRequest("{}", {}, "/v1/unknown"));
    const before = await residentMb(gateway.child.pid);
    const client = connectTo(door.socketPath);
    client.write(modelRequest("{}"));
    let bytes = 0;
    for await (const chunk of client) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(blocks * block.length);
    expect((await residentMb(gateway.child.pid)) - before).toBeLessThan(100);
  });

  test("lets nothing through while the audit cannot be written, and goes on when it can, without a gap", async () => {
    await using origin = await startOrigin((request, response) => request.resume().on("end", () => response.end("answer")));
    await using folder = await temporaryFolder();
    // A file may have 1,500 bytes: what a full disk is to a process, without filling one.
    const command = ["prlimit", "--fsize=1500:unlimited"];
    const env = { ...environment(origin.url), PATH: process.env.PATH ?? "" };
    await using gateway = await startGatewayProcess({ controlPath: folder.join("control.sock"), env, command });
    const door = await doorIn(folder);
    await gateway.client.openDoor(door);
    const refusal = await waitFor(
      async () => {
        const answer = await sendRaw(door.socketPath, modelRequest("{}"));
        return answer.startsWith("HTTP/1.1 503") && answer;
      },
      { what: "the audit to be full" },
    );
    expect(refusal).toMatch(/"type":"api_error"[\s\S]*cannot write its audit log/);
    const reached = origin.requests.length;
    expect(await sendRaw(door.socketPath, refusedRequest("evil"))).toMatch(/^HTTP\/1\.1 503 /);
    expect(origin.requests).toHaveLength(reached);
    await promisify(execFile)("prlimit", ["--pid", String(gateway.child.pid), "--fsize=unlimited:unlimited"]);
    await waitFor(async () => (await sendRaw(door.socketPath, modelRequest("{}"))).startsWith("HTTP/1.1 200"), {
      what: "the gateway to serve again",
    });
    await gateway.client.closeDoor(RUN);
    const records = await readAudit(door);
    expect(records.map(({ n }) => n)).toEqual(records.map((_, index) => index + 1));
    expect(records.filter(({ decision }) => decision === "allowed")).toHaveLength(origin.requests.length);
    expect(records.at(-1)?.rule).toMatch(/more requests were refused without a record each/);
  });
});
