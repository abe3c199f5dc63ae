import { describe, expect, it } from "vitest";
import { FILE_PATHS_MAX, gatherPaths, namesOfPath, toPath } from "./workspace-file.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("the path of bytes", () => {
  it.each([
    ["src/a b.ts", "src/a b.ts"],
    ["100%/ä.txt", "100%25/ä.txt"],
    ["line\n/x", "line%0A/x"],
  ])("leads back to them: %j", (name, path) => {
    expect(toPath(bytes(name))).toBe(path);
    expect(namesOfPath(path)).toEqual(name.split("/").map(bytes));
  });

  it("writes a part that is no text as bytes, and the others as they are", () => {
    expect(toPath(Uint8Array.from([...bytes("ä/"), 0xff, ...bytes("/ö")]))).toBe("ä/%FF/ö");
  });
});

describe("gathered paths", () => {
  it("are as many as are told of", () => {
    const gathered = gatherPaths();
    for (let n = 0; n < FILE_PATHS_MAX; n++) expect(gathered.add(`${n}`)).toBe(true);
    expect(gathered.result().truncated).toBe(false);
    expect(gathered.add("more")).toBe(false);
    expect(gathered.result()).toMatchObject({ truncated: true, paths: { length: FILE_PATHS_MAX } });
  });

  it("are no longer together than an answer may be", () => {
    const gathered = gatherPaths();
    const long = "x".repeat(8000);
    let taken = 0;
    while (gathered.add(long)) taken++;
    expect(taken).toBe(Math.floor((4 * 1024 * 1024) / 8000));
    expect(gathered.result().truncated).toBe(true);
  });

  it("leave out one that is too long to be asked for, and say so", () => {
    const gathered = gatherPaths();
    expect(gathered.add("x".repeat(10_000))).toBe(true);
    expect(gathered.add("later")).toBe(true);
    expect(gathered.result()).toEqual({ paths: ["later"], truncated: true });
  });
});
