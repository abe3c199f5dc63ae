import { describe, expect, it } from "vitest";
import { createMask } from "./mask.ts";

const SECRET = 'p@ss/word+"with" spice';
const mask = createMask([SECRET, "sk-ant-api03-abcdefgh"]);

describe("a mask", () => {
  it.each([
    ["as it is", SECRET],
    ["in a URL", encodeURIComponent(SECRET)],
    ["in a URL, with small letters", encodeURIComponent(SECRET).replace(/%../g, (code) => code.toLowerCase())],
    ["in a form", new URLSearchParams({ x: SECRET }).toString().slice(2)],
    ["inside of JSON", JSON.stringify({ token: SECRET })],
    ["inside of JSON inside of JSON", JSON.stringify(JSON.stringify({ token: "sk-ant-api03-abcdefgh" }))],
    ["in hexadecimal", Buffer.from(SECRET).toString("hex")],
    ["in base64", Buffer.from(SECRET).toString("base64")],
    ["in base64url", Buffer.from(SECRET).toString("base64url")],
    ...["", "u:", "me:", "you:", "x-access-token:"].map((user) => [
      `in basic authentication of '${user}'`,
      `header ${Buffer.from(`${user}${SECRET}:more`).toString("base64")}`,
    ]),
  ])("hides a secret %s", (_, text) => {
    const hidden = mask.hide(`before ${text} after`);
    expect(hidden).toContain("***");
    expect(hidden).toMatch(/^before .* after$/);
    for (const form of [SECRET, "sk-ant", "ss/word", encodeURIComponent("ss/word"), Buffer.from("word+").toString("hex")]) {
      expect(hidden).not.toContain(form);
    }
    // What is left must not lead back: no long piece of the encoded text may have stayed.
    for (let at = 0; at + 10 <= text.length; at++) {
      const piece = text.slice(at, at + 10);
      const decoded = Buffer.from(piece, "base64").toString("latin1");
      if (SECRET.includes(decoded)) expect(hidden).not.toContain(piece);
    }
  });

  it("hides what is told to it later", () => {
    const later = createMask([]);
    expect(later.hide("a token-made-at-start")).toBe("a token-made-at-start");
    later.add(["token-made-at-start"]);
    expect(later.hide("a token-made-at-start")).toBe("a ***");
  });

  it("hides a secret that holds another one as a whole", () => {
    expect(createMask(["secret", "my-secret-is-long"]).hide("my-secret-is-long, secret")).toBe("***, ***");
  });

  it.each([
    ["git fetch https://me:short@example.org/x.git failed", "git fetch https://me:***@example.org/x.git failed"],
    ["postgres://ccr:a@b:c@db/ccr", "postgres://ccr:***@db/ccr"],
    ["Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"],
    ["GET /login?token=abc&next=1", "GET /login?token=***&next=1"],
    ["https://example.org:8443/a@b", "https://example.org:8443/a@b"],
    ["basic checks", "basic checks"],
  ])("knows a credential by its shape: %s", (text, expected) => {
    expect(mask.hide(text)).toBe(expected);
  });

  it("leaves what is too short to be a secret alone", () => {
    expect(createMask(["a", "4100"]).hide("port 4100 of a server")).toBe("port 4100 of a server");
  });
});
