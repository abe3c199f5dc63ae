import { describe, expect, test } from "vitest";
import { HITS_MOST, type Hit, searchIn } from "./find-file.ts";

const PATHS = ["src/app/use-folders.ts", "src/app/use-folders.test.ts", "docs/folders.md", "README.md", "a%25b/c%0Ad.ts"];
const find = searchIn(PATHS);
const pathsFor = (text: string) => find(text).hits.map(({ path }) => path);
const marked = (pieces: Hit["name"]) => pieces.map(({ text, isHit }) => (isHit ? `[${text}]` : text)).join("");

describe("going to a file", () => {
  test("finds letters in their order and words in any, the best first", () => {
    expect(pathsFor("usefol")).toEqual(["src/app/use-folders.ts", "src/app/use-folders.test.ts"]);
    expect(pathsFor("test folders")).toEqual(["src/app/use-folders.test.ts"]);
    expect(pathsFor("  readme ")).toEqual(["README.md"]);
    for (const none of ["nothing of this", "", "  "]) expect(find(none)).toEqual({ hits: [], total: 0 });
  });

  test("marks what was looked for, in the name and in the folder", () => {
    const [hit] = find("app/usefol").hits;
    expect(hit).toMatchObject({ path: "src/app/use-folders.ts" });
    expect(marked(hit?.name ?? [])).toBe("[use]-[fol]ders.ts");
    expect(marked(hit?.folder ?? [])).toBe("src/[app]");
    expect(find("README").hits[0]?.folder).toEqual([]);
  });

  test("looks through names as they are shown, and leads to the path that is meant", () => {
    expect(find("a%b").hits).toMatchObject([{ path: "a%25b/c%0Ad.ts" }]);
  });

  test("gives no more than anybody reads, and says how many there are", () => {
    const { hits, total } = searchIn(Array.from({ length: 500 }, (_, index) => `src/file-${index}.ts`))("file");
    expect(hits).toHaveLength(HITS_MOST);
    expect(total).toBe(500);
  });
});
