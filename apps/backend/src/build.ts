import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * Names what is deployed: the server's version and the page as it is built now, also when it was built anew while the server runs. The page's
 * first file names all others by their content.
 */
export const createBuildName = ({ version, uiFolder }: { version: string; uiFolder: string }): (() => Promise<string>) => {
  const page = join(uiFolder, "index.html");
  let last: { mark: string; name: string } | null = null;
  return async () => {
    const found = await stat(page).catch(() => null);
    const mark = found === null ? "" : `${found.mtimeMs} ${found.size} ${found.ino}`;
    if (last?.mark === mark) return last.name;
    const text = await readFile(page, "utf8").catch(() => "");
    const name = createHash("sha256").update(`${version}\n${text}`).digest("hex").slice(0, 12);
    last = { mark, name };
    return name;
  };
};
