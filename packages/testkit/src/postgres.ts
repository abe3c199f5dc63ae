import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { isAlive } from "./engine-process.ts";
import { freePort } from "./ports.ts";
import { waitFor } from "./wait.ts";

/** Why there is no PostgreSQL, and how to have one. */
export interface NoPostgres {
  why: string;
}

export interface PostgresDatabase extends AsyncDisposable {
  /** With the password. */
  readonly url: string;
  /** Writes all that it holds into a file, as SQL. */
  dump(path: string): Promise<void>;
}

/** A PostgreSQL of our own. Disposing it stops it and removes all it had. */
export interface PostgresServer extends AsyncDisposable {
  /** The address of a database over TCP, password included; nothing is made. */
  url(database: string): string;
  /** Makes an empty database with a name of its own; disposing drops it. */
  createDatabase(): Promise<PostgresDatabase>;
  /** Runs SQL as the superuser, and gives what psql prints: unaligned rows without headers. */
  query(database: string, sql: string): Promise<string>;
  /** The number of its first process, or null while it does not run. */
  pid(): number | null;
  /** `fast` rolls back what is going on and closes every connection; `immediate` aborts as a crash does. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  /** Kills the server like a power cut kills its machine, and waits until each of its processes is gone. */
  kill(): Promise<void>;
  /** Starts again what was stopped or killed, at the same address. Resolves when it takes connections. */
  start(): Promise<void>;
}

export interface PostgresOptions {
  /** Off: what is stored may be lost in a power cut, for tests that only want to be quick. */
  fsync?: boolean;
  /** Further settings of the server, such as `max_connections`. */
  settings?: Record<string, string>;
}

const SUPERUSER = "ccr";
// Told to people nowhere, so that a test can look for it in what they are told.
const PASSWORD = "pass-word/of:tests";

/** The folder of PostgreSQL's programs: Debian keeps them out of PATH, by version. */
export const findPostgres = (): { programs: string } | NoPostgres => {
  const versions = (() => {
    try {
      return readdirSync("/usr/lib/postgresql").toSorted((a, b) => Number(b) - Number(a));
    } catch {
      return [];
    }
  })();
  const folders = [...versions.map((version) => `/usr/lib/postgresql/${version}/bin`), ...(process.env.PATH ?? "").split(":")];
  for (const folder of folders) {
    try {
      for (const program of ["initdb", "postgres", "psql", "pg_dump"]) accessSync(join(folder, program), constants.X_OK);
      return { programs: folder };
    } catch {
      // not here
    }
  }
  return { why: "PostgreSQL is not installed (apt-get install postgresql)" };
};

/** The user that PostgreSQL runs as: it refuses root. null: as ourselves. */
const serverUser = (): { name: string; uid: number; gid: number } | null => {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const wanted of ["postgres", "nobody"]) {
    const [name, , uid, gid] = users.find((line) => line.startsWith(`${wanted}:`))?.split(":") ?? [];
    if (name !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new Error("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody.");
};

const childrenOf = (parent: number): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
      } catch {
        return false; // it has just ended
      }
    });

const ROOM = 4 * 1024 ** 3;

/**
 * Not what TMPDIR says: its user must be able to reach it, and its socket needs a short path. What no power cut is to outlive is made and removed much
 * faster in memory.
 */
const placeFor = async ({ fsync }: PostgresOptions): Promise<string> => {
  if (fsync !== false) return "/tmp";
  const { bavail, bsize } = await statfs("/dev/shm").catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize < ROOM ? "/tmp" : "/dev/shm";
};

/** Starts a PostgreSQL of our own in a temporary folder, on a free port of 127.0.0.1, that sorts text as people do, not as computers. */
export const startPostgres = async (options: PostgresOptions = {}): Promise<PostgresServer> => {
  const found = findPostgres();
  if ("why" in found) throw new Error(found.why);
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(await placeFor(options), "ccr-pg-"));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  const server = new Cluster({ folder, programs: found.programs, port: await freePort(), ...options });
  await server.initialise();
  stack.defer(() => server.stop("immediate"));
  await server.start();
  const rest = stack.move();
  return {
    url: (database) => server.url(database),
    createDatabase: () => server.createDatabase(),
    query: (database, sql) => server.query(database, sql),
    pid: () => server.pid(),
    stop: (mode) => server.stop(mode),
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
};

class Cluster {
  readonly #folder: string;
  readonly #programs: string;
  readonly #port: number;
  readonly #settings: Record<string, string>;
  readonly #user = serverUser();
  #process: ChildProcess | null = null;
  #databases = 0;

  constructor(given: PostgresOptions & { folder: string; programs: string; port: number }) {
    this.#folder = given.folder;
    this.#programs = given.programs;
    this.#port = given.port;
    this.#settings = {
      listen_addresses: "127.0.0.1",
      port: String(given.port),
      unix_socket_directories: given.folder,
      fsync: given.fsync === false ? "off" : "on",
      ...given.settings,
    };
  }

  url(database: string): string {
    return `postgres://${SUPERUSER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${this.#port}/${database}`;
  }

  async initialise(): Promise<void> {
    const passwordFile = join(this.#folder, "password");
    await writeFile(passwordFile, PASSWORD);
    await mkdir(this.#data, { mode: 0o700 });
    if (this.#user !== null) {
      await chmod(this.#folder, 0o755);
      for (const path of [this.#folder, passwordFile, this.#data]) await chown(path, this.#user.uid, this.#user.gid);
    }
    const flags = ["-D", this.#data, "-U", SUPERUSER, "--pwfile", passwordFile, "--auth=scram-sha-256", "--encoding=UTF8"];
    // The machine may have no locale but C; PostgreSQL brings people's order with it.
    const order = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"];
    const { uid, gid } = this.#user ?? {};
    await promisify(execFile)(join(this.#programs, "initdb"), [...flags, ...order, "--no-sync"], {
      cwd: this.#folder,
      ...(uid !== undefined && gid !== undefined && { uid, gid }),
    });
  }

  async start(): Promise<void> {
    if (this.#process !== null) throw new Error("PostgreSQL runs already.");
    const settings = Object.entries(this.#settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const command = [join(this.#programs, "postgres"), "-D", this.#data, ...settings];
    const as = this.#user === null ? [] : [`--reuid=${this.#user.uid}`, `--regid=${this.#user.gid}`, "--clear-groups"];
    // With this process dies its server, even when nobody gets to dispose of it.
    const [program = "", ...args] = process.platform === "linux" ? ["setpriv", "--pdeathsig=QUIT", ...as, ...command] : command;
    const child = spawn(program, args, { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = `${said}${text}`.slice(-4000);
    });
    let ended = false;
    child.once("close", () => {
      ended = true;
    });
    child.once("error", (error) => {
      said = error.message;
      ended = true;
    });
    await waitFor(
      async () => {
        if (ended) return true;
        await this.query("postgres", "select 1");
        return true;
      },
      { what: "PostgreSQL to take connections", timeoutMs: 60_000, intervalMs: 25 },
    );
    if (!ended) return;
    this.#process = null;
    throw new Error(`PostgreSQL did not start:\n${said}`);
  }

  async query(database: string, sql: string): Promise<string> {
    const args = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", this.url(database), "-c", sql];
    const { stdout } = await promisify(execFile)(join(this.#programs, "psql"), args, { cwd: "/" });
    return stdout.trimEnd();
  }

  async createDatabase(): Promise<PostgresDatabase> {
    const name = `test_${++this.#databases}`;
    await this.query("postgres", `create database ${name}`);
    const drop = async () => {
      if (this.#process !== null) await this.query("postgres", `drop database if exists ${name} with (force)`);
    };
    return { url: this.url(name), dump: (path) => this.dump(name, path), [Symbol.asyncDispose]: drop };
  }

  async dump(database: string, path: string): Promise<void> {
    await promisify(execFile)(join(this.#programs, "pg_dump"), ["-f", path, "-d", this.url(database)], { cwd: "/" });
  }

  pid(): number | null {
    return this.#process?.pid ?? null;
  }

  stop(mode: "fast" | "immediate"): Promise<void> {
    return this.#end(mode === "fast" ? "SIGINT" : "SIGQUIT");
  }

  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  async #end(signal: "SIGINT" | "SIGQUIT" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    this.#process = null;
    const processes = process.platform === "linux" ? childrenOf(child.pid ?? 0) : [];
    const closed = once(child, "close");
    child.kill(signal);
    await closed;
    if (signal === "SIGKILL") {
      for (const orphan of processes) if (isAlive(orphan)) process.kill(orphan, "SIGKILL");
    }
    await waitFor(() => processes.every((orphan) => !isAlive(orphan)), { what: "PostgreSQL's processes to end" });
  }
}
