import { describe, expect, it } from "vitest";
import { Scrollback } from "./scrollback.ts";

const textOf = (read: { data: Buffer } | null) => read?.data.toString();

describe("a scrollback", () => {
  it("gives what came after so many bytes, across its own seam", () => {
    const scrollback = new Scrollback(8);
    for (const part of ["abc", "def", "ghi", "j"]) scrollback.add(Buffer.from(part));
    expect([scrollback.begin, scrollback.end]).toEqual([2, 10]);
    expect(scrollback.read(0, 100)).toEqual({ at: 2, data: Buffer.from("cdefghij") });
    expect(textOf(scrollback.read(7, 100))).toBe("hij");
    expect(scrollback.read(4, 3)).toEqual({ at: 4, data: Buffer.from("efg") });
    expect(scrollback.read(10, 100)).toBeNull();
    expect(scrollback.read(11, 100)).toBeNull();
  });

  it("takes more at once than it keeps", () => {
    const scrollback = new Scrollback(4);
    scrollback.add(Buffer.from("ab"));
    scrollback.add(Buffer.from("0123456789"));
    expect(scrollback.read(0, 100)).toEqual({ at: 8, data: Buffer.from("6789") });
    scrollback.add(Buffer.from("x"));
    expect(textOf(scrollback.read(0, 100))).toBe("789x");
  });

  it("gives copies, which stay what they are", () => {
    const scrollback = new Scrollback(4);
    scrollback.add(Buffer.from("abcd"));
    const before = scrollback.read(0, 4);
    scrollback.add(Buffer.from("wxyz"));
    expect(textOf(before)).toBe("abcd");
  });
});
