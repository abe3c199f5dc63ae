import { CcrError, type ErrorCode } from "@ccr/protocol";

type Explanation = { code: ErrorCode; sentence: (database: string) => string };

/** SQLite's primary result codes (https://sqlite.org/rescode.html) that a person can do something about. */
const EXPLANATIONS: Partial<Record<number, Explanation>> = {
  5: {
    code: "unavailable",
    sentence: (database) =>
      `The database ${database} is kept busy by another process. Try again; if it stays so, stop the other one.`,
  },
  6: {
    code: "unavailable",
    sentence: (database) =>
      `The database ${database} is locked by another process. Try again; if it stays so, stop the other one.`,
  },
  8: {
    code: "unavailable",
    sentence: (database) =>
      `The database ${database} cannot be written. Check that its file and folder belong to the server's user and that the file system is not read-only.`,
  },
  10: {
    code: "disk_full",
    sentence: (database) =>
      `The disk of the database ${database} failed to read or write: it is full or damaged. Nothing of this change was stored. Free some space, or check the disk.`,
  },
  11: {
    code: "internal",
    sentence: (database) =>
      `The database ${database} is damaged. Stop the server, and put a backup in its place or move it away to begin with an empty one.`,
  },
  13: {
    code: "disk_full",
    sentence: (database) => `The disk of the database ${database} is full. Nothing of this change was stored. Free some space.`,
  },
  14: {
    code: "unavailable",
    sentence: (database) =>
      `The database ${database} cannot be opened. Check that its folder exists and that the server's user may write there.`,
  },
  18: {
    code: "payload_too_large",
    sentence: (database) => `The database ${database} takes no text beyond a billion bytes. Nothing of this change was stored.`,
  },
  19: {
    code: "conflict",
    sentence: (database) =>
      `The database ${database} holds something else under the same key. Nothing of this change was stored.`,
  },
  26: {
    code: "conflict",
    sentence: (database) => `The file ${database} is not an SQLite database. Move it away, or point the server at another file.`,
  },
};

const numberOf = (error: Error, key: string): number | null => {
  const value: unknown = Reflect.get(error, key);
  return typeof value === "number" ? value : null;
};

/** What an error of `node:sqlite` means to the person who runs the server; any other value is given back as it is. */
export const explainSqliteError = (error: unknown, database: string): unknown => {
  if (!(error instanceof Error) || error instanceof CcrError) return error;
  const code = numberOf(error, "errcode");
  if (code === null) return error;
  // The low byte is the primary code; the rest says more about it.
  const explanation = EXPLANATIONS[code & 0xff];
  if (explanation !== undefined) return new CcrError(explanation.code, explanation.sentence(database), { cause: error });
  return new CcrError("internal", `The database ${database} refused a statement (${error.message}, code ${code}).`, {
    cause: error,
  });
};
