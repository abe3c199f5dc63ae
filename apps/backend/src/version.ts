import { readFile } from "node:fs/promises";
import { z } from "zod";

const Package = z.object({ version: z.string().min(1) });

/** The version that a package.json names; throws when it names none. */
export const readVersion = async (path: string): Promise<string> => {
  const found = Package.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (found.success) return found.data.version;
  throw new Error(`${path} does not say which version this is.`);
};
