import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, type EnvironmentId } from "@ccr/protocol";
import { z } from "zod";

const Kept = z.object({
  version: z.literal(1),
  /** So that a digest tells nothing to whoever guesses values. */
  salt: z.string(),
  values: z.record(z.string(), z.string()),
});
type Kept = z.infer<typeof Kept>;

/** The values of secrets, which are nowhere but in files of this server that its user alone can read. */
export interface Secrets {
  /** Every value that was given for an environment. */
  read(id: EnvironmentId): Promise<Record<string, string>>;
  /** The same for the same values, and nothing by which they could be found out. Of the names that have none, nothing is said. */
  digest(id: EnvironmentId, names: readonly string[]): Promise<string>;
  /** Gives values, and takes those away that are null. Durable when it resolves. */
  change(id: EnvironmentId, changes: Readonly<Record<string, string | null>>): Promise<void>;
  /** Idempotent. */
  remove(id: EnvironmentId): Promise<void>;
}

/** `onValue` hears every value before it is used, so that no log shows it. */
export const createSecrets = (options: { folder: string; onValue: (values: readonly string[]) => void }): Secrets => {
  const { folder, onValue } = options;
  let turn: Promise<unknown> = Promise.resolve();
  const pathOf = (id: EnvironmentId): string => join(folder, id, "secrets.json");

  const load = async (id: EnvironmentId): Promise<Kept> => {
    let text: string;
    try {
      text = await readFile(pathOf(id), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT")
        return { version: 1, salt: randomBytes(16).toString("hex"), values: {} };
      throw error;
    }
    try {
      const kept = Kept.parse(JSON.parse(text));
      onValue(Object.values(kept.values));
      return kept;
    } catch {
      // The error of the parser may hold a piece of what it read.
      throw new CcrError("internal", `The secrets of ${id} cannot be read: ${pathOf(id)} is damaged. Give them again.`);
    }
  };

  const store = async (id: EnvironmentId, kept: Kept): Promise<void> => {
    const path = pathOf(id);
    await mkdir(join(folder, id), { recursive: true, mode: 0o700 });
    const fresh = `${path}.new`;
    const file = await open(fresh, "w", 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(JSON.stringify(kept));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  };

  const inTurn = <Result>(act: () => Promise<Result>): Promise<Result> => {
    const done = turn.then(act);
    turn = done.catch(() => {});
    return done;
  };

  return {
    read: async (id) => (await load(id)).values,
    digest: async (id, names) => {
      if (names.length === 0) return "";
      const { salt, values } = await load(id);
      const hash = createHash("sha256").update(salt);
      for (const name of [...names].sort()) hash.update(JSON.stringify([name, values[name] ?? null]));
      return hash.digest("hex");
    },
    change: (id, changes) =>
      inTurn(async () => {
        onValue(Object.values(changes).filter((value) => value !== null));
        // One that is damaged is begun anew by whoever gives it all again.
        const kept = await load(id).catch((error: unknown) => {
          if (!(error instanceof CcrError)) throw error;
          return { version: 1 as const, salt: randomBytes(16).toString("hex"), values: {} };
        });
        const values = new Map(Object.entries(kept.values));
        for (const [name, value] of Object.entries(changes)) {
          if (value === null) values.delete(name);
          else values.set(name, value);
        }
        await store(id, { ...kept, values: Object.fromEntries(values) });
      }),
    remove: (id) => inTurn(() => rm(join(folder, id), { recursive: true, force: true })),
  };
};
