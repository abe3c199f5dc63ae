import { describe, expect, test } from "vitest";
import { meaningOf } from "./keys.ts";

const key = (name: string, ...held: ("ctrlKey" | "metaKey" | "altKey" | "shiftKey")[]) => ({
  key: name,
  ctrlKey: held.includes("ctrlKey"),
  metaKey: held.includes("metaKey"),
  altKey: held.includes("altKey"),
  shiftKey: held.includes("shiftKey"),
});
const nothing = { isMarked: false };

describe("a key in the terminal", () => {
  test("is the shell's: also Tab, Esc and Ctrl+C", () => {
    const keys = [
      key("Tab"),
      key("Tab", "shiftKey"),
      key("Escape"),
      key("c", "ctrlKey"),
      key("a"),
      key("v"),
      key("w", "ctrlKey"),
    ];
    for (const each of [...keys, key("."), key(".", "altKey")]) expect(meaningOf(each, nothing)).toBe("pass");
  });

  test("leaves the terminal when it is Ctrl+., wherever the keyboard has its dot", () => {
    expect(meaningOf(key(".", "ctrlKey"), nothing)).toBe("leave");
    expect(meaningOf(key(".", "ctrlKey", "shiftKey"), nothing)).toBe("leave");
  });

  test("copies what is marked, and pastes by the browser's own way", () => {
    const marked = { isMarked: true };
    expect(meaningOf(key("c", "ctrlKey"), marked)).toBe("copy");
    expect(meaningOf(key("C", "ctrlKey", "shiftKey"), marked)).toBe("copy");
    expect(meaningOf(key("C", "ctrlKey", "shiftKey"), nothing)).toBe("browser");
    expect(meaningOf(key("v", "ctrlKey"), nothing)).toBe("browser");
    expect(meaningOf(key("c", "metaKey"), marked)).toBe("pass");
  });
});
