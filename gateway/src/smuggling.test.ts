import { describe, expect, test } from "vitest";
import { openHouse, startOrigin } from "./testing/house.ts";

/** Each holds a second request for `/smuggled` that only some readers see. */
const attempts = (target: string): [string, string][] => {
  const smuggled = `GET ${target}smuggled HTTP/1.1\r\nHost: x\r\n\r\n`;
  const request = (...headers: string[]) => `POST ${target}v1/messages HTTP/1.1\r\nHost: x\r\n${headers.join("\r\n")}\r\n\r\n`;
  return [
    ["content-length with chunked", `${request(`Content-Length: 5`, "Transfer-Encoding: chunked")}0\r\n\r\n${smuggled}`],
    [
      "chunked with content-length",
      `${request("Transfer-Encoding: chunked", `Content-Length: ${smuggled.length + 5}`)}0\r\n\r\n${smuggled}`,
    ],
    ["two different content-lengths", request("Content-Length: 0", `Content-Length: ${smuggled.length}`) + smuggled],
    ["two equal content-lengths", request("Content-Length: 0", "Content-Length: 0") + smuggled],
    ["a list of content-lengths", request("Content-Length: 0, 0") + smuggled],
    ["a signed content-length", request("Content-Length: +0") + smuggled],
    ["a hexadecimal content-length", request("Content-Length: 0x0") + smuggled],
    ["a folded header", request("Content-Length:\r\n 0") + smuggled],
    ["a folded transfer-encoding", `${request("Transfer-Encoding:\r\n chunked")}0\r\n\r\n${smuggled}`],
    ["a space before the colon", request("Content-Length : 0") + smuggled],
    ["a space before the name", request("X: 1\r\n Content-Length: 5") + smuggled],
    ["chunked twice", `${request("Transfer-Encoding: chunked, chunked")}0\r\n\r\n${smuggled}`],
    ["an unknown coding", `${request("Transfer-Encoding: xchunked")}0\r\n\r\n${smuggled}`],
    ["identity after chunked", `${request("Transfer-Encoding: chunked, identity")}0\r\n\r\n${smuggled}`],
    ["a bare line feed", `POST ${target}v1/messages HTTP/1.1\nHost: x\nContent-Length: 0\n\n${smuggled}`],
    ["a bare carriage return", request("X: 1\rContent-Length: 5") + smuggled],
    ["a NUL in a header", request("X: 1\0") + smuggled],
    ["a bad chunk size", `${request("Transfer-Encoding: chunked")}0x5\r\nhello\r\n0\r\n\r\n${smuggled}`],
    ["a chunk without its end", `${request("Transfer-Encoding: chunked")}5\r\nhelloX${smuggled}`],
    ["a chunk size that overflows", `${request("Transfer-Encoding: chunked")}fffffffffffffffff\r\nhello\r\n${smuggled}`],
    ["HTTP/0.9", `GET ${target}smuggled\r\n\r\n`],
    ["HTTP/2's preface", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`],
    ["two hosts", request("Host: y", "Content-Length: 0")],
    ["a missing host", `POST ${target}v1/messages HTTP/1.1\r\nContent-Length: 0\r\n\r\n`],
    ["not HTTP", "\x16\x03\x01\x02\x00 hello\r\n\r\n"],
  ];
};

describe.each([
  ["to the model", "/"],
  ["to the proxy", "http://allowed.test:PORT/"],
])("request smuggling %s", (_where, pattern) => {
  test.each(attempts("TARGET").map(([what]) => what))("%s is refused, recorded, and the door stays open", async (what) => {
    await using origin = await startOrigin((request, response) => request.resume().on("end", () => response.end("reached")));
    await using house = await openHouse({
      upstream: origin.url,
      names: { "allowed.test": ["127.0.0.1"] },
      allow: [{ host: "allowed.test", ports: [origin.port] }],
    });
    const [, bytes = ""] = attempts(pattern.replace("PORT", String(origin.port))).find(([name]) => name === what) ?? [];
    const answer = await house.send(bytes).catch((error: Error) => error.message);
    expect(answer).not.toContain("reached");
    expect(answer).toMatch(/^HTTP\/1\.1 400 |ECONNRESET|^$/);
    expect(origin.requests.map((request) => request.url)).not.toContain("/smuggled");
    const [record] = await house.records(1);
    expect(record?.status === null || (record?.status ?? 0) >= 400).toBe(true);
    // The next client is served as ever.
    const path = pattern.replace("PORT", String(origin.port));
    const good = `POST ${path}v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`;
    expect(await house.send(good)).toContain("reached");
    const last = (await house.records(2)).at(-1);
    expect(last).toMatchObject({ n: 2, decision: "allowed", status: 200 });
  });
});
