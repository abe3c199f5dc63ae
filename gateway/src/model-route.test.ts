import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { connectTo, modelRequest, openHouse, SECRET, startOrigin, startRawOrigin } from "./testing/house.ts";

const sse = (data: object) => `event: x\ndata: ${JSON.stringify(data)}\n\n`;
const START = sse({ type: "message_start", message: { model: "claude-x", usage: { input_tokens: 10, output_tokens: 1 } } });
const END = sse({ type: "message_delta", usage: { output_tokens: 42 } });

/** Reads a connection until what came holds the text; gives all that came. */
const readUntil = async (socket: Socket, wanted: string): Promise<string> => {
  let seen = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    seen += chunk.toString();
    if (seen.includes(wanted)) return seen;
  }
  throw new Error(`the connection ended before ${JSON.stringify(wanted)} came, after: ${seen.slice(0, 500)}`);
};

describe("the model route", () => {
  test("puts the real credential in place of the client's, and passes request and answer on unchanged", async () => {
    const body = JSON.stringify({ text: "ä".repeat(100_000) });
    let received = "";
    await using origin = await startOrigin(async (request, response) => {
      received = await text(request);
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "request-id": "req_1",
        "set-cookie": "a=b",
        "x-echo": SECRET,
      });
      response.end(START + END);
    });
    await using house = await openHouse({ upstream: `${origin.url}/prefix/` });
    const answer = await house.send(
      modelRequest(body, {
        "X-Api-Key": "sk-client",
        Authorization: "Bearer sk-client",
        Cookie: "sk-client",
        "Proxy-Authorization": "sk-client",
        "X-Forwarded-For": "sk-client",
        "Anthropic-Version": "2023-06-01",
        "Anthropic-Beta": "a-1",
      }),
    );
    expect(received).toBe(body);
    const [request] = origin.requests;
    expect(request?.url).toBe("/prefix/v1/messages?beta=true");
    expect(request?.rawHeaders.join("\n")).not.toContain("sk-client");
    expect(request?.headers).toMatchObject({ "x-api-key": SECRET, "anthropic-version": "2023-06-01", "anthropic-beta": "a-1" });
    expect(request?.headers.authorization).toBeUndefined();
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain("request-id: req_1");
    expect(answer).not.toContain("set-cookie");
    expect(answer).not.toContain(SECRET);
    expect(answer).toContain(START);
    const [record] = await house.records(1);
    expect(record).toMatchObject({
      n: 1,
      kind: "model",
      method: "POST",
      path: "/v1/messages",
      decision: "allowed",
      status: 200,
      bytesUp: Buffer.byteLength(body),
      bytesDown: (START + END).length,
      usage: { model: "claude-x", inputTokens: 10, outputTokens: 42, cacheReadTokens: 0, cacheWriteTokens: 0 },
    });
    expect(JSON.stringify(record)).not.toContain(SECRET);
  });

  test("passes each piece of a stream on as soon as it comes", async () => {
    const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    await using origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      await steps[0].promise;
      response.write(START);
      await steps[1].promise;
      response.end(END);
    });
    await using house = await openHouse({ upstream: origin.url });
    const client = connectTo(house.door.socketPath);
    client.write(modelRequest("{}"));
    expect(await readUntil(client, "\r\n\r\n")).toContain("200 OK");
    steps[0].resolve();
    expect(await readUntil(client, "\n\n")).toContain(START);
    steps[1].resolve();
    expect(await readUntil(client, "message_delta")).toContain(END);
    client.destroy();
  });

  test("streams 50 MB both ways, byte for byte", async () => {
    const block = randomBytes(1024 * 1024);
    const blocks = 50;
    const expected = createHash("sha256");
    for (let index = 0; index < blocks; index += 1) expected.update(block);
    const digest = expected.digest("hex");
    let received = "";
    await using origin = await startOrigin(async (request, response) => {
      const hash = createHash("sha256");
      for await (const chunk of request) hash.update(chunk);
      received = hash.digest("hex");
      response.writeHead(200, { "content-type": "text/event-stream", "content-length": block.length * blocks });
      for (let index = 0; index < blocks; index += 1) if (!response.write(block)) await once(response, "drain");
      response.end();
    });
    await using house = await openHouse({ upstream: origin.url });
    const client = connectTo(house.door.socketPath);
    client.write(
      `POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${block.length * blocks}\r\n\r\n`,
    );
    for (let index = 0; index < blocks; index += 1) if (!client.write(block)) await once(client, "drain");
    const hash = createHash("sha256");
    let head = Buffer.alloc(0);
    let isBody = false;
    for await (const chunk of client) {
      if (isBody) hash.update(chunk);
      else {
        head = Buffer.concat([head, chunk]);
        const at = head.indexOf("\r\n\r\n");
        if (at === -1) continue;
        isBody = true;
        hash.update(head.subarray(at + 4));
      }
    }
    expect(received).toBe(digest);
    expect(hash.digest("hex")).toBe(digest);
  });

  test("holds the model's server back while the client does not read", async () => {
    const total = 100 * 1024 * 1024;
    let sent = 0;
    await using origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const block = Buffer.alloc(64 * 1024, "x");
      const closed = once(response, "close");
      for (; sent < total && !response.destroyed; sent += block.length) {
        if (!response.write(block)) await Promise.race([once(response, "drain"), closed]);
      }
    });
    await using house = await openHouse({ upstream: origin.url });
    const client = connectTo(house.door.socketPath).pause();
    client.write(modelRequest("{}"));
    let [seen, looks] = [0, 0];
    await waitFor(
      () => {
        looks = sent > 0 && sent === seen ? looks + 1 : 0;
        seen = sent;
        return looks > 30;
      },
      { what: "the origin to be held back" },
    );
    expect(sent).toBeLessThan(total / 4);
    client.destroy();
    expect(await house.records(1)).toMatchObject([{ status: 200, rule: expect.stringContaining("cut off before its end") }]);
  });

  test.each([
    ["GET", "/v1/messages"],
    ["POST", "/v1/files"],
    ["POST", "/v1/batches"],
    ["POST", "/v1/messages/batches"],
    ["GET", "/v1/organizations/me"],
    ["POST", "/v1/messages/"],
    ["POST", "//v1/messages"],
    ["POST", "/v1/../v1/messages"],
    ["POST", "/v1/messages/../files"],
    ["POST", "/v1/messages%2f..%2ffiles"],
    ["POST", "/v1/messages;x"],
    ["POST", "/V1/Messages"],
    ["DELETE", "/v1/messages"],
    ["GET", "/"],
    ["OPTIONS", "/v1/messages"],
    ["POST", "/v1/complete"],
  ])("refuses %s %s without asking the model's server", async (method, target) => {
    await using origin = await startOrigin((_request, response) => response.end());
    await using house = await openHouse({ upstream: origin.url });
    const answer = await house.send(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('"type":"permission_error"');
    expect(origin.requests).toHaveLength(0);
    expect(await house.records(1)).toMatchObject([{ kind: "model", decision: "refused", status: 403, method, path: target }]);
  });

  test("serves count_tokens", async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end('{"input_tokens":5}');
    });
    await using house = await openHouse({ upstream: origin.url });
    expect(await house.send(modelRequest("{}", {}, "/v1/messages/count_tokens"))).toContain('{"input_tokens":5}');
    expect(await house.records(1)).toMatchObject([{ path: "/v1/messages/count_tokens", status: 200, usage: null }]);
  });

  test.each([401, 429, 500, 529])("passes the status %i on with its headers and body, the echoed key masked", async (status) => {
    await using origin = await startOrigin((request, response) => {
      response.writeHead(status, {
        "content-type": "application/json",
        "retry-after": "7",
        "anthropic-ratelimit-requests-remaining": "0",
      });
      response.write(
        JSON.stringify({ error: `no such key ${String(request.headers["x-api-key"]).slice(0, 9)}`.slice(0, -9) }).slice(0, -2),
      );
      // The key arrives in two pieces.
      response.write(SECRET.slice(0, 10));
      setImmediate(() => response.end(`${SECRET.slice(10)}"}`));
    });
    await using house = await openHouse({ upstream: origin.url });
    const answer = await house.send(modelRequest("{}"));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain("retry-after: 7");
    expect(answer).toContain("anthropic-ratelimit-requests-remaining: 0");
    expect(answer).not.toContain(SECRET);
    expect(answer).toContain("*".repeat(10));
    expect(await house.records(1)).toMatchObject([{ status, decision: "allowed" }]);
  });

  test("does not follow a redirect, so that the key goes nowhere else", async () => {
    await using elsewhere = await startOrigin((_request, response) => response.end());
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(307, { location: `${elsewhere.url}/v1/messages` }).end();
    });
    await using house = await openHouse({ upstream: origin.url });
    const answer = await house.send(modelRequest("{}"));
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(answer).toContain("redirect (307)");
    expect(answer.toLowerCase()).not.toContain("location:");
    expect(elsewhere.requests).toHaveLength(0);
    expect(await house.records(1)).toMatchObject([{ status: 502, rule: expect.stringContaining("redirect") }]);
  });

  test("does not pass on an answer that was compressed although it must not be", async () => {
    await using origin = await startOrigin((request, response) => {
      expect(request.headers["accept-encoding"]).toBe("identity");
      response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    });
    await using house = await openHouse({ upstream: origin.url });
    expect(await house.send(modelRequest("{}", { "Accept-Encoding": "gzip" }))).toMatch(/^HTTP\/1\.1 502 [\s\S]*compressed/);
  });

  test("answers 502 in the API's own format when the model's server is not there", async () => {
    const origin = await startOrigin(() => {});
    await origin[Symbol.asyncDispose]();
    await using house = await openHouse({ upstream: origin.url });
    const answer = await house.send(modelRequest("{}"));
    expect(answer).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    expect(answer).toMatch(
      /\{"type":"error","error":\{"type":"api_error","message":"The model's server could not be reached \(ECONNREFUSED\)/,
    );
    expect(await house.records(1)).toMatchObject([{ status: 502, decision: "allowed" }]);
  });

  test("answers 502 when the model's server closes without an answer, and 504 when it never answers", async () => {
    await using closing = await startRawOrigin((socket) => socket.once("data", () => socket.destroy()));
    await using silent = await startRawOrigin((socket) => socket.resume());
    await using first = await openHouse({ upstream: `http://127.0.0.1:${closing.port}` });
    expect(await first.send(modelRequest("{}"))).toMatch(/^HTTP\/1\.1 502 /);
    await using second = await openHouse({ upstream: `http://127.0.0.1:${silent.port}`, limits: { modelHeadersMs: 100 } });
    expect(await second.send(modelRequest("{}"))).toMatch(/^HTTP\/1\.1 504 [\s\S]*timeout_error/);
  });

  test("cuts an answer off that falls silent, keeping the usage that was told", async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(START);
    });
    await using house = await openHouse({ upstream: origin.url, limits: { modelIdleMs: 100 } });
    const client = connectTo(house.door.socketPath);
    client.write(modelRequest("{}"));
    const answer = await text(client).catch((error: Error) => error.message);
    expect(answer).toContain("message_start");
    expect(await house.records(1)).toMatchObject([
      { status: 200, rule: expect.stringContaining("UND_ERR_BODY_TIMEOUT"), usage: { inputTokens: 10, outputTokens: 1 } },
    ]);
  });

  test("lets go of the model's server when the client goes away, before and during the answer", async () => {
    let answersBegin = false;
    const arrived: (() => void)[] = [];
    await using origin = await startOrigin((_request, response) => {
      if (answersBegin) response.writeHead(200).write("x");
      arrived.shift()?.();
    });
    await using house = await openHouse({ upstream: origin.url });
    for (const begins of [false, true]) {
      answersBegin = begins;
      const here = new Promise<void>((resolve) => arrived.push(resolve));
      const client = connectTo(house.door.socketPath);
      client.write(modelRequest("{}"));
      await here;
      if (begins) await readUntil(client, "x");
      client.destroy();
      await waitFor(() => origin.requests.every((request) => request.socket.destroyed), {
        what: "the upstream's connections to be closed",
      });
    }
    expect(await house.records(2)).toMatchObject([
      { status: null, rule: expect.stringContaining("cut off") },
      { status: 200, rule: expect.stringContaining("cut off") },
    ]);
  });

  test("refuses a body above the limit, told beforehand or found out on the way", async () => {
    await using origin = await startOrigin((request) => request.resume());
    await using house = await openHouse({ upstream: origin.url, limits: { modelBodyBytes: 100_000 } });
    const head = "POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    expect(await house.send(`${head}Content-Length: 100001\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 [\s\S]*request_too_large/);
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    expect(await house.send(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await house.records(2)).toMatchObject([{ status: 413 }, { status: 413 }]);
  });

  test("passes an early answer on, and takes the next request on the same connection", async () => {
    await using origin = await startOrigin((request, response) => {
      if (origin.requests.length === 1) response.writeHead(401, { "content-length": 5 }).end("early");
      else request.resume().on("end", () => response.end("second"));
    });
    await using house = await openHouse({ upstream: origin.url });
    const client = connectTo(house.door.socketPath);
    const body = "x".repeat(500_000);
    client.write(`POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 1000)}`);
    expect(await readUntil(client, "early")).toContain("401");
    client.write(body.slice(1000) + modelRequest("{}"));
    expect(await text(client)).toContain("second");
  });

  test("answers Expect: 100-continue", async () => {
    await using origin = await startOrigin((request, response) => request.resume().on("end", () => response.end("done")));
    await using house = await openHouse({ upstream: origin.url });
    const client = connectTo(house.door.socketPath);
    client.write(
      "POST /v1/messages HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n",
    );
    expect(await readUntil(client, "\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.write("{}");
    expect(await text(client)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*done/);
  });
});
