import { once } from "node:events";
import { text } from "node:stream/consumers";
import { waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { connectTo, openHouse, startOrigin, startRawOrigin } from "./testing/house.ts";

const NAMES = { "allowed.test": ["127.0.0.1"], "other.test": ["127.0.0.1"] };

const get = (url: string, ...headers: string[]): string =>
  [`GET ${url} HTTP/1.1`, "Host: ignored.test", "Connection: close", ...headers, "", ""].join("\r\n");

describe("plain proxying", () => {
  test("carries a request to an allowed host, without what belongs to the proxy's connection", async () => {
    let received = "";
    await using origin = await startOrigin(async (request, response) => {
      received = await text(request);
      response
        .writeHead(201, ["Content-Type", "text/plain", "Set-Cookie", "a=1", "Set-Cookie", "b=2", "Keep-Alive", "timeout=9"])
        .end("answer");
    });
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const answer = await house.send(
      [
        `POST http://ALLOWED.test:${origin.port}/a/../b?q=secret HTTP/1.1`,
        "Host: evil.test",
        "Proxy-Authorization: Basic c2VjcmV0",
        "Proxy-Connection: keep-alive",
        "Connection: close, X-Hop",
        "X-Hop: 1",
        "Authorization: Bearer mine",
        "Content-Length: 4",
        "",
        "body",
      ].join("\r\n"),
    );
    expect(received).toBe("body");
    const [request] = origin.requests;
    expect(request?.url).toBe("/a/../b?q=secret");
    expect(request?.headers).toMatchObject({
      host: `allowed.test:${origin.port}`,
      authorization: "Bearer mine",
      "content-length": "4",
    });
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.startsWith("proxy-") || name === "x-hop")).toEqual([]);
    expect(answer).toMatch(/^HTTP\/1\.1 201 Created\r\nContent-Type: text\/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
    expect(answer).not.toContain("Keep-Alive: timeout=9");
    expect(answer).toMatch(/answer(\r\n0\r\n\r\n)?$/);
    const [record] = await house.records(1);
    expect(record).toMatchObject({
      kind: "http",
      method: "POST",
      host: "allowed.test",
      port: origin.port,
      path: "/a/../b",
      decision: "allowed",
      status: 201,
      bytesUp: 4,
      bytesDown: 6,
    });
    expect(JSON.stringify(record)).not.toContain("secret");
  });

  test("passes chunked bodies and bodiless requests with the framing they came with", async () => {
    const framings: unknown[] = [];
    await using origin = await startOrigin(async (request, response) => {
      const body = await text(request);
      framings.push([request.method, body, request.headers["transfer-encoding"], request.headers["content-length"]]);
      response.end();
    });
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const url = `http://allowed.test:${origin.port}/`;
    await house.send(
      `POST ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    );
    await house.send(get(url));
    await house.send(`POST ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await house.send(`HEAD ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(framings).toEqual([
      ["POST", "abc", "chunked", undefined],
      ["GET", "", undefined, undefined],
      ["POST", "", undefined, "0"],
      ["HEAD", "", undefined, undefined],
    ]);
  });

  test.each([
    "http://other.test/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0251.0376.0251.0376/",
    "http://0xa9fea9fe/",
    "http://[::ffff:169.254.169.254]/",
    "http://127.0.0.1:3128/v1/messages",
    "http://localhost/",
    "http://allowed.test@other.test/",
    "http://allowed.test./",
    "http://allowed.test.other.test/",
    "https://allowed.test/",
    "ftp://allowed.test/",
  ])("refuses %s without resolving any name", async (url) => {
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [80, 443] }] });
    const answer = await house.send(get(url));
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(answer).toContain('"code":"forbidden"');
    expect(house.lookups).toEqual([]);
    expect(await house.records(1)).toMatchObject([{ kind: "http", decision: "refused", status: 403, bytesUp: 0 }]);
  });

  test.each([["10.0.0.5"], ["127.0.0.2"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["fd00:ec2::254"]])(
    "refuses an allowed name that leads to %s, even beside a public address",
    async (address) => {
      await using house = await openHouse({
        names: { "rebind.test": ["127.0.0.1", address] },
        allow: [{ host: "rebind.test", ports: [80] }],
      });
      expect(await house.send(get("http://rebind.test/"))).toMatch(/^HTTP\/1\.1 403 /);
      expect(await house.records(1)).toMatchObject([
        { decision: "refused", rule: `rebind.test leads to ${address}, which is not a public address` },
      ]);
    },
  );

  test("dials the address that was checked and resolves once, so that a changed answer changes nothing", async () => {
    await using origin = await startOrigin((_request, response) => response.end("right"));
    const names = { "rebind.test": ["127.0.0.1"] };
    await using house = await openHouse({
      names,
      allow: [{ host: "rebind.test", ports: [origin.port] }],
      isPublic: (address) => {
        names["rebind.test"] = ["127.0.0.2"]; // What the attacker's name server answers from the next time on.
        return address === "127.0.0.1";
      },
    });
    expect(await house.send(get(`http://rebind.test:${origin.port}/`))).toContain("right");
    expect(house.lookups).toEqual(["rebind.test"]);
    expect(await house.send(get(`http://rebind.test:${origin.port}/`))).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("goes on to the next address when one does not answer", async () => {
    await using origin = await startOrigin((_request, response) => response.end("second"));
    await using house = await openHouse({
      names: { "two.test": ["127.0.0.9", "127.0.0.1"] },
      allow: [{ host: "two.test", ports: [origin.port] }],
      isPublic: () => true,
    });
    expect(await house.send(get(`http://two.test:${origin.port}/`))).toContain("second");
  });

  test("gives a redirect to the client and decides anew where it leads", async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(302, { location: "http://other.test/" }).end();
    });
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    expect(await house.send(get(`http://allowed.test:${origin.port}/`))).toMatch(
      /^HTTP\/1\.1 302 [\s\S]*location: http:\/\/other\.test\//,
    );
    expect(await house.send(get("http://other.test/", "Authorization: Bearer mine"))).toMatch(/^HTTP\/1\.1 403 /);
    expect(house.lookups).toEqual(["allowed.test"]);
  });

  test("decides each request of a connection anew, pipelined ones too", async () => {
    await using origin = await startOrigin((_request, response) => response.end("fine"));
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const first = `GET http://allowed.test:${origin.port}/1 HTTP/1.1\r\nHost: x\r\n\r\n`;
    const answer = await house.send(first + get(`http://other.test:${origin.port}/2`));
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*fine[\s\S]*HTTP\/1\.1 403 /);
    expect(origin.requests).toHaveLength(1);
    const records = await house.records(2);
    expect(records.map(({ path, decision }) => [path, decision]).sort()).toEqual([
      ["/1", "allowed"],
      ["/2", "refused"],
    ]);
  });

  test("a changed policy holds for the next request, on an open connection too", async () => {
    await using origin = await startOrigin((_request, response) => response.end("fine"));
    await using house = await openHouse({ names: NAMES });
    const client = connectTo(house.door.socketPath);
    const request = `GET http://allowed.test:${origin.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`;
    const statuses: string[] = [];
    const ask = async () => {
      const fresh = client.destroyed ? connectTo(house.door.socketPath) : client;
      fresh.write(request);
      const [chunk] = await once(fresh, "data");
      statuses.push(chunk.toString().slice(9, 12));
    };
    await house.setAllow([{ host: "allowed.test", ports: [origin.port] }]);
    await ask();
    await house.setAllow([]);
    await ask();
    client.destroy();
    expect(statuses).toEqual(["200", "403"]);
  });

  test("lets through what was refused once its host is allowed, and never what leads to an address that is not public", async () => {
    await using origin = await startOrigin((_request, response) => response.end("fine"));
    await using house = await openHouse({ names: { ...NAMES, "inside.test": ["10.0.0.5"] } });
    const asked = ["allowed.test", "inside.test"].map((host) => get(`http://${host}:${origin.port}/`));
    const statuses = async () =>
      (await Promise.all(asked.map((request) => house.send(request)))).map((answer) => answer.slice(9, 12));
    expect(await statuses()).toEqual(["403", "403"]);
    await house.setAllow(["allowed.test", "inside.test"].map((host) => ({ host, ports: [origin.port] })));
    expect(await statuses()).toEqual(["200", "403"]);
    const records = await house.records(4);
    const told = records.map(({ host, decision, refusedBy }) => `${host} ${decision} ${refusedBy ?? ""}`);
    expect(told.slice(0, 2).sort()).toEqual(["allowed.test refused policy", "inside.test refused policy"]);
    expect(told.slice(2).sort()).toEqual(["allowed.test allowed ", "inside.test refused gateway"]);
  });

  test("says which part failed: the name, the connection, the answer", async () => {
    await using rude = await startRawOrigin((socket) => socket.once("data", () => socket.destroy()));
    await using garbled = await startRawOrigin((socket) => socket.once("data", () => socket.end("SSH-2.0-hello\r\n")));
    await using silent = await startRawOrigin((socket) => socket.resume());
    const gone = await startRawOrigin(() => {});
    await gone[Symbol.asyncDispose]();
    await using house = await openHouse({
      names: NAMES,
      allow: ["allowed.test", "unknown.test"].map((host) => ({
        host,
        ports: [80, rude.port, garbled.port, silent.port, gone.port],
      })),
      limits: { idleMs: 100 },
    });
    expect(await house.send(get("http://unknown.test/"))).toMatch(
      /^HTTP\/1\.1 502 [\s\S]*unknown\.test could not be resolved \(ENOTFOUND\)/,
    );
    expect(await house.send(get(`http://allowed.test:${gone.port}/`))).toMatch(
      /^HTTP\/1\.1 502 [\s\S]*could not be reached \(ECONNREFUSED\)/,
    );
    expect(await house.send(get(`http://allowed.test:${rude.port}/`))).toMatch(/^HTTP\/1\.1 502 [\s\S]*did not answer/);
    expect(await house.send(get(`http://allowed.test:${garbled.port}/`))).toMatch(/^HTTP\/1\.1 502 [\s\S]*did not answer/);
    expect(await house.send(get(`http://allowed.test:${silent.port}/`))).toMatch(
      /^HTTP\/1\.1 504 [\s\S]*did not answer \(ETIMEDOUT\)/,
    );
    const records = await house.records(5);
    expect(records.map(({ decision, status }) => [decision, status])).toEqual(
      [502, 502, 502, 502, 504].map((status) => ["allowed", status]),
    );
  });

  test("lets go of the origin when the client goes away", async () => {
    await using origin = await startRawOrigin((socket) => socket.resume());
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const client = connectTo(house.door.socketPath);
    client.write(get(`http://allowed.test:${origin.port}/`));
    await waitFor(() => origin.sockets.size === 1);
    client.destroy();
    await waitFor(() => [...origin.sockets].every((socket) => socket.destroyed), {
      what: "the origin's connection to be closed",
    });
    expect(await house.records(1)).toMatchObject([{ decision: "allowed" }]);
  });

  test("keeps the model's host for the model route, whatever the allow-list says", async () => {
    await using house = await openHouse({
      upstream: "https://model.test",
      names: { "model.test": ["127.0.0.1"], "api.anthropic.com": ["127.0.0.1"] },
      allow: [
        { host: "model.test", ports: [80] },
        { host: "*.anthropic.com", ports: [80] },
      ],
    });
    expect(await house.send(get("http://model.test/v1/files"))).toMatch(/^HTTP\/1\.1 403 [\s\S]*model route alone/);
    expect(await house.send(get("http://api.anthropic.com/v1/files"))).toMatch(/^HTTP\/1\.1 403 [\s\S]*model route alone/);
    expect(house.lookups).toEqual([]);
  });
});
