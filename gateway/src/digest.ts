import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Variables that differ from one shell to the next and change nothing of what the gateway does: it starts no programs. */
const WITHOUT_EFFECT = new Set(["PATH"]);

/** What the gateway's program consists of, beside packages: their exact versions are in its package.json. */
const SOURCES = [
  fileURLToPath(new URL("..", import.meta.url)),
  path.dirname(fileURLToPath(import.meta.resolve("@ccr/protocol"))),
];

const isProgram = (name: string): boolean =>
  /\.(ts|json)$/.test(name) && !name.includes(".test.") && !name.includes(`testing${path.sep}`) && !name.includes("node_modules");

const programFiles = async (folder: string): Promise<string[]> => {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter(isProgram)
    .sort()
    .map((name) => path.join(folder, name));
};

/**
 * A digest of the gateway that would be started with this environment now: the environment, its credentials among it, the program's files
 * and Node's version. It tells whether two are the same, and nothing else: no secret can be read from it.
 */
export const gatewayDigest = async (environment: Record<string, string>): Promise<string> => {
  const hash = createHash("sha256");
  const add = (part: string | Buffer) => hash.update(`${Buffer.byteLength(part)}:`).update(part);
  add(process.version);
  for (const name of Object.keys(environment).sort()) {
    if (WITHOUT_EFFECT.has(name)) continue;
    add(name);
    add(environment[name] ?? "");
  }
  for (const [index, folder] of SOURCES.entries()) {
    for (const file of await programFiles(folder)) {
      add(`${index}/${path.relative(folder, file)}`);
      add(await readFile(file));
    }
  }
  return hash.digest("hex");
};
