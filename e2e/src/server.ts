import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppRouter } from "@ccr/backend/router";
import { isFinal, Message, RUN_STATUSES, type Run } from "@ccr/protocol";
import { pinnedNode, projectRoot, testCache, waitFor } from "@ccr/testkit";
import { createTRPCClient, httpLink } from "@trpc/client";
import { z } from "zod";
import { type DriverName, dockerEnvironment } from "./drivers.ts";
import type { Outside } from "./outside.ts";

/** A credential that looks like one, and that nothing but the gateway may ever hold. */
export const REAL_KEY = "sk-ant-api03-the-real-key-that-no-sandbox-may-see";

// A first start may build the web UI.
const UP_WITHIN_MS = 120_000;
const RUN_WITHIN_MS = 120_000;

export type ServerOptions = {
  dataDir: string;
  driver: DriverName;
  /** Where model traffic goes; null: demo mode. */
  modelUrl: string | null;
  localRepositories?: string[];
  environment?: Record<string, string>;
  /** The variables by which it finds an engine that is not the one that all tests share. */
  engine?: Record<string, string>;
  /** How long the start may take; long enough for everything when left out. */
  upWithinMs?: number;
  /** Starts it as a person does, with all that `npm start` prepares. */
  asNpmStart?: boolean;
  /** The name of the machine that it believes to be on; this one's when left out. Takes root. */
  machine?: string;
  /** A folder with another build of the web UI, which it serves in the place of this one. Takes root. */
  uiFolder?: string;
  /** The world in which it, and its gateway, are to be; left out: that of this machine. */
  outside?: Outside;
};

/** The program and its arguments, on a machine that is called so, or in a world of its own. Whichever it is, the process is the server's own. */
const onMachine = ({ machine, uiFolder, outside }: ServerOptions, program: readonly string[]): [string, string[]] => {
  const command = [pinnedNode, ...program];
  if (outside !== undefined) {
    const own = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', outside.hostsFile];
    return ["nsenter", [`--net=${outside.namespace}`, ...own, ...command]];
  }
  if (uiFolder !== undefined) {
    const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
    return ["unshare", ["--mount", "sh", "-c", script, uiFolder, join(projectRoot, "apps/frontend/dist"), ...command]];
  }
  return machine === undefined
    ? [pinnedNode, [...program]]
    : ["unshare", ["--uts", "sh", "-c", 'hostname "$0" && exec "$@"', machine, ...command]];
};

export type Client = ReturnType<typeof createTRPCClient<AppRouter>>;

export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly loginLink: string;
  readonly client: Client;
  readonly process: ChildProcess;
  /** All that it has printed. */
  output(): string;
  /** Ends it as a person would, with SIGINT, and waits until it is gone. */
  stop(): Promise<void>;
  /** Calls a route from outside, with the token. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  untilFinal(id: Run["id"], timeoutMs?: number): Promise<Run>;
}

const Launch = z.object({ flags: z.array(z.string()), environment: z.record(z.string(), z.string()) });

/** The server's program with its flags and variables, as `npm start` runs it. */
const serverProgram = async (): Promise<{ program: string[]; environment: Record<string, string> }> => {
  const backend = join(projectRoot, "apps/backend");
  const { flags, environment } = Launch.parse(JSON.parse(await readFile(join(backend, "launch.json"), "utf8")));
  return { program: [...flags, join(backend, "src/main.ts")], environment };
};

/** Starts the real server as a process of its own, on a free port, and waits for its login link. */
export const startServer = async (options: ServerOptions): Promise<Server> => {
  const { dataDir, driver, modelUrl, localRepositories = [], environment = {}, outside } = options;
  const launch =
    options.asNpmStart === true ? { program: [join(projectRoot, "scripts/start.mjs")], environment: {} } : await serverProgram();
  for (const url of [modelUrl, environment.DATABASE_URL]) if (url) await outside?.lead(Number(new URL(url).port));
  const [command, args] = onMachine(options, launch.program);
  const child = spawn(command, args, {
    env: {
      PATH: process.env.PATH ?? "",
      HOME: dataDir,
      // The last two let the test run see what a server left behind.
      ...passThrough("NODE_EXTRA_CA_CERTS", "TMPDIR", "CCR_TEST_RUN"),
      ...(driver === "docker" ? (options.engine ?? (await dockerEnvironment())) : {}),
      // As `npm start` does: what was compiled once is not compiled again.
      NODE_COMPILE_CACHE: join(testCache(), "node"),
      ...launch.environment,
      PORT: String((await outside?.publish()) ?? 0),
      CCR_DATA_DIR: dataDir,
      CCR_DRIVER: driver,
      CCR_LOCAL_REPOSITORIES: localRepositories.join(":"),
      ...(modelUrl === null ? {} : { ANTHROPIC_API_KEY: REAL_KEY, ANTHROPIC_BASE_URL: modelUrl }),
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    if (!isGone()) child.kill("SIGINT");
    await ended;
  };
  const link = await waitFor(
    () => {
      if (isGone()) return "ended";
      return /(http:\/\/\S+)\/login\?token=(\S+)/.exec(printed);
    },
    { what: "the login link", timeoutMs: options.upWithinMs ?? UP_WITHIN_MS },
  ).catch(async (error: unknown) => {
    // What hangs at the start may not listen to anything else.
    if (!isGone()) child.kill("SIGKILL");
    await ended;
    throw new Error(`the server did not come up: ${printed}`, { cause: error });
  });
  if (link === "ended") throw new Error(`the server ended: ${printed}`);
  const [loginLink, url = "", token = ""] = link;
  const client = createTRPCClient<AppRouter>({
    links: [httpLink({ url: `${url}/trpc`, headers: { authorization: `Bearer ${token}` } })],
  });
  return {
    url,
    token,
    loginLink,
    client,
    process: child,
    output: () => printed,
    stop,
    fetch: (path, init = {}) =>
      fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } }),
    untilFinal: async (id, timeoutMs = RUN_WITHIN_MS) => {
      const final = await waitFor(
        async () => {
          const run = await client.runs.byId.query({ id });
          return isFinal(run.status) && run;
        },
        { what: `the end of ${id}`, timeoutMs },
      ).catch((error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : String(error)}\nThe server said:\n${printed}`, {
          cause: error,
        });
      });
      return final;
    },
    [Symbol.asyncDispose]: async () => {
      // A server that is only stopped leaves its runs going.
      if (!isGone()) await cancelAll(client).catch(() => {});
      await stop();
    },
  };
};

/** Cancels what is not final, and waits until it is. */
const cancelAll = async (client: Client): Promise<void> => {
  const unfinished = async () =>
    (await client.runs.list.query({ status: RUN_STATUSES.filter((status) => !isFinal(status)), limit: 200 })).map(({ id }) => id);
  for (const id of await unfinished()) await client.runs.cancel.mutate({ id });
  await waitFor(async () => (await unfinished()).length === 0, { what: "the canceled runs to end" });
};

const passThrough = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));

/** The whole transcript of a run, read page by page. */
export const allMessages = async (client: Client, id: Run["id"], limit = 200): Promise<Message[]> => {
  const all: Message[] = [];
  for (;;) {
    const page = await client.runs.messages.query({ id, after: all.at(-1)?.seq ?? 0, limit });
    if (page.length === 0) return all;
    all.push(...page);
  }
};

export type SseEvent = { id: string | null; event: string; data: string };

/** Reads a server-sent event stream as a browser does; ends when the stream does. */
export async function* readEvents(response: Response): AsyncGenerator<SseEvent> {
  if (response.body === null) return;
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart())
          .join("\n");
      const data = field("data");
      if (data !== "" || field("event") !== "") yield { id: field("id") || null, event: field("event") || "message", data };
    }
  }
}

/** Subscribes from outside, over plain HTTP, and gives the messages until the stream ends. */
export async function* subscribe(server: Server, id: Run["id"], lastEventId: number | null): AsyncGenerator<Message> {
  const input = encodeURIComponent(JSON.stringify({ id, ...(lastEventId === null ? {} : { lastEventId: String(lastEventId) }) }));
  const response = await server.fetch(`/trpc/runs.onMessage?input=${input}`, { headers: { accept: "text/event-stream" } });
  if (!response.ok) throw new Error(`the subscription was answered ${response.status}: ${await response.text()}`);
  for await (const event of readEvents(response)) {
    if (event.event === "return") return;
    if (event.id === null || event.id === "" || event.data === "") continue;
    yield Message.parse(JSON.parse(event.data));
  }
}
