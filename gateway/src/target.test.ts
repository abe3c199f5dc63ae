import { describe, expect, test } from "vitest";
import { parseAbsoluteForm, parseAuthority, printable } from "./target.ts";

describe("parseAuthority", () => {
  test.each([
    ["allowed.test:443", { host: "allowed.test", port: 443 }],
    ["ALLOWED.Test:443", { host: "allowed.test", port: 443 }],
    ["xn--bcher-kva.example:8443", { host: "xn--bcher-kva.example", port: 8443 }],
    ["3com.test:1", { host: "3com.test", port: 1 }],
    ["0x.example:65535", { host: "0x.example", port: 65535 }],
    ["localhost:80", { host: "localhost", port: 80 }],
  ])("reads %j", (text, target) => {
    expect(parseAuthority(text, null)).toEqual({ ok: true, target });
  });

  test.each([
    "127.0.0.1:443",
    "127.1:443",
    "0:443",
    "2130706433:443",
    "0177.0.0.1:443",
    "0x7f.0.0.1:443",
    "0x7f000001:443",
    "0X7F000001:443",
    "0x:443",
    "169.254.169.254:80",
    "2852039166:80",
    "1.2.3.0x4:80",
    "[::1]:443",
    "[::ffff:127.0.0.1]:443",
    "::1:443",
    "::ffff:a9fe:a9fe:80",
    "allowed@evil.test:443",
    "allowed.test:443@evil.test:443",
    "user:password@allowed.test:443",
    "allowed.test.:443",
    ".allowed.test:443",
    "allowed..test:443",
    "-allowed.test:443",
    "allowed-.test:443",
    "al_lowed.test:443",
    "evil.test\0.allowed.test:443",
    "evil.test\r\nHost: x:443",
    "evil.test\n:443",
    "allowed.test :443",
    " allowed.test:443",
    "allowed.test\t:443",
    "allоwed.test:443", // a Cyrillic о
    "allowed。test:443",
    "ⓐllowed.test:443",
    "allowed%2etest:443",
    "allowed.test/x:443",
    "allowed.test?x:443",
    "allowed.test#x:443",
    "allowed.test\\evil.test:443",
    "*.allowed.test:443",
    "allowed.test",
    "allowed.test:",
    "allowed.test:0",
    "allowed.test:00443",
    "allowed.test:65536",
    "allowed.test:-1",
    "allowed.test:+443",
    "allowed.test:443x",
    "allowed.test:4e2",
    "allowed.test:443:443",
    ":443",
    "",
    `${"a".repeat(64)}.test:443`,
    `${"a.".repeat(130)}test:443`,
  ])("refuses %j", (text) => {
    expect(parseAuthority(text, null)).toMatchObject({ ok: false });
  });
});

describe("parseAbsoluteForm", () => {
  test("keeps path and query as they came", () => {
    expect(parseAbsoluteForm("http://Allowed.test/a/../b%2f?x=http://evil.test/@")).toEqual({
      ok: true,
      target: { host: "allowed.test", port: 80 },
      path: "/a/../b%2f",
      pathAndQuery: "/a/../b%2f?x=http://evil.test/@",
    });
    expect(parseAbsoluteForm("http://allowed.test")).toMatchObject({ path: "/", pathAndQuery: "/" });
    expect(parseAbsoluteForm("http://allowed.test:8080?q")).toMatchObject({ target: { port: 8080 }, pathAndQuery: "/?q" });
  });

  test.each([
    "https://allowed.test/",
    "ftp://allowed.test/",
    "http:allowed.test/",
    "http:///allowed.test/",
    "http://allowed.test\\@evil.test/",
    "http://allowed.test@evil.test/",
    "http://allowed.test#@evil.test/",
    "http://allowed.test/ HTTP/1.1\r\nHost: evil.test",
    "http://allowed.test/\0",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://2852039166/",
    "allowed.test/",
    "*",
    "",
  ])("refuses %j", (text) => {
    expect(parseAbsoluteForm(text)).toMatchObject({ ok: false });
  });
});

test("printable shows hostile characters and keeps to its length", () => {
  expect(printable("a\0b\u001b[31m\r\n‮", 100)).toBe("a\\u{0}b\\u{1b}[31m\\u{d}\\u{a}\\u{202e}");
  expect(printable("x".repeat(10_000), 300)).toHaveLength(300);
  expect(printable("\0".repeat(300), 300)).toHaveLength(300);
});
