import { CcrError, type ErrorCode } from "@ccr/protocol";
import { DatabaseError } from "pg";

type Explanation = { code: ErrorCode; sentence: (database: string, error: Error) => string };

const unavailable = (sentence: (database: string) => string): Explanation => ({ code: "unavailable", sentence });

const GONE = unavailable(
  (database) =>
    `The database ${database} is gone or starting again. It is not known whether the last change was stored. Start it if nobody does; this goes on by itself when it is back.`,
);
const BUSY = unavailable(
  (database) =>
    `The database ${database} did not finish in time: it is overloaded, or another program keeps it locked. Nothing of this change was stored. Try again.`,
);
const NO_LOGIN = unavailable(
  (database) =>
    `The database ${database} refused the user or password. Check both in DATABASE_URL, and the server's pg_hba.conf.`,
);
const MET = {
  code: "conflict",
  sentence: (database) =>
    `Two servers changed the same in the database ${database} at the same moment. Nothing of this change was stored. Try again.`,
} as const satisfies Explanation;
const DISK = {
  code: "disk_full",
  sentence: (database) =>
    `The disk of the database ${database} failed to read or write: it is full or damaged. Nothing of this change was stored. Free some space, or check the disk.`,
} as const satisfies Explanation;
const DAMAGED = {
  code: "internal",
  sentence: (database) => `The database ${database} is damaged. Stop the server, and put a backup in its place.`,
} as const satisfies Explanation;
const FOREIGN = {
  code: "conflict",
  sentence: (database, error) =>
    `The database ${database} holds tables of another program, or was changed by hand (${error.message}). Give this one a database of its own.`,
} as const satisfies Explanation;

/** PostgreSQL's codes (https://www.postgresql.org/docs/current/errcodes-appendix.html), or their classes, that a person can do something about. */
const EXPLANATIONS: Partial<Record<string, Explanation>> = {
  "08": GONE,
  "57P": GONE,
  "57014": BUSY,
  "55P03": BUSY,
  "25P03": BUSY,
  "40": MET,
  "28": NO_LOGIN,
  "3D000": unavailable(
    (database) => `There is no database ${database}. Make it (createdb), or name another one in DATABASE_URL.`,
  ),
  "42501": unavailable(
    (database) => `The database ${database} does not let its user make or write tables. Make that user the database's owner.`,
  ),
  "25006": unavailable(
    (database) =>
      `The database ${database} takes no writes: it is a standby, or was set to read only. Point DATABASE_URL at the primary server, or lift that.`,
  ),
  "53100": {
    code: "disk_full",
    sentence: (database) => `The disk of the database ${database} is full. Nothing of this change was stored. Free some space.`,
  },
  "53300": unavailable(
    (database) =>
      `The database ${database} has no connection left. End programs that use it, or raise max_connections on its server.`,
  ),
  "53": unavailable(
    (database) => `The database ${database} ran out of memory or another resource. Nothing of this change was stored. Try again.`,
  ),
  "54": {
    code: "payload_too_large",
    sentence: (database) => `The database ${database} takes no text beyond a billion bytes. Nothing of this change was stored.`,
  },
  "58": DISK,
  XX001: DAMAGED,
  XX002: DAMAGED,
  "23": {
    code: "conflict",
    sentence: (database) =>
      `The database ${database} holds something else under the same key. Nothing of this change was stored.`,
  },
  "42P01": FOREIGN,
  "42P07": FOREIGN,
  "42703": FOREIGN,
};

/** What Node and the client say when there is no connection, or no more; the client's own errors have no code. */
const LOST =
  /^(Connection terminated|Client (was closed|has encountered)|Query read timeout|timeout expired|timeout exceeded when trying|read E|write E|socket hang up)/;
const REFUSED = /^(SASL|password|The server does not support SSL)/i;

const codeOf = (error: Error): string => {
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : "";
};

const fromServer = (error: DatabaseError): Explanation | undefined => {
  const code = error.code ?? "";
  return EXPLANATIONS[code] ?? EXPLANATIONS[code.slice(0, 3)] ?? EXPLANATIONS[code.slice(0, 2)];
};

/** Whether the connection on which this error came cannot be used again. */
export const endsConnection = (error: unknown): boolean => {
  if (!(error instanceof Error)) return true;
  if (error instanceof DatabaseError) return error.severity === "FATAL" || error.severity === "PANIC";
  return LOST.test(error.message) || codeOf(error).startsWith("E");
};

/**
 * What an error of a connection to PostgreSQL means to the person who runs the server; any other value is given back as it is. `database`
 * stands for it in the sentence, and must hold no password.
 */
export const explainPostgresError = (error: unknown, database: string): unknown => {
  if (!(error instanceof Error) || error instanceof CcrError) return error;
  if (error instanceof DatabaseError) {
    const explanation = fromServer(error);
    if (explanation !== undefined) return new CcrError(explanation.code, explanation.sentence(database, error), { cause: error });
    return new CcrError("internal", `The database ${database} refused a statement (${error.message}, code ${error.code}).`, {
      cause: error,
    });
  }
  if (REFUSED.test(error.message)) {
    return new CcrError(
      "unavailable",
      `The database ${database} cannot be logged in to (${error.message}). Check DATABASE_URL.`,
      {
        cause: error,
      },
    );
  }
  if (!endsConnection(error)) return error;
  const reason = error.message === "" ? codeOf(error) : error.message;
  return new CcrError(
    "unavailable",
    `The database ${database} cannot be reached, or was lost on the way (${reason}). Check that it runs and that DATABASE_URL is right; this goes on by itself when it is back.`,
    { cause: error },
  );
};
