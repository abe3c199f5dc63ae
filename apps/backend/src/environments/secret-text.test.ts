import { describe, expect, it } from "vitest";
import { createTextMask, soughtForms } from "./secret-text.ts";

const SECRET = "hunter2-and-more+/=";

describe("a mask of text in pieces", () => {
  it("hides a secret that is cut anywhere, and keeps nothing else back for ever", () => {
    const text = `before ${SECRET} between hunter2-and ${encodeURIComponent(SECRET)} after`;
    for (let size = 1; size < text.length; size++) {
      const mask = createTextMask([SECRET]);
      let shown = "";
      for (let at = 0; at < text.length; at += size) shown += mask.push(text.slice(at, at + size));
      expect(shown + mask.end(), String(size)).toBe("before *** between hunter2-and *** after");
    }
  });

  it("shows at once what cannot be the beginning of a secret", () => {
    expect(createTextMask([SECRET]).push("installing…")).toBe("installing…");
    expect(createTextMask([]).push("hunter2")).toBe("hunter2");
  });

  it("hides each line of a secret that has several, and no armour", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nshort\n-----END PRIVATE KEY-----\n";
    const mask = createTextMask([key]);
    expect(mask.hide("x MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj y")).toBe("x *** y");
    expect(mask.hide("-----BEGIN PRIVATE KEY-----")).toBe("-----BEGIN PRIVATE KEY-----");
    expect(soughtForms(key)).toContain("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj");
    expect(soughtForms(key)).not.toContain("short");
  });
});
