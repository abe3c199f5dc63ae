import { constants } from "node:fs";
import { open as openFile } from "node:fs/promises";
import type {
  AdoptInput,
  AnswerQuestionInput,
  BundleQuery,
  CheckInput,
  ConfigureAgentInput,
  ExecuteInput,
  GitCloneInput,
  InitGitInput,
  RestoreInput,
  SetUpInput,
  ShellId,
  ShellInput,
  ShellResize,
  ShellSize,
  SnapshotQuery,
} from "@ccr/protocol";
import {
  CcrError,
  DraftEvent,
  ErrorBody,
  executorRoutes,
  FENCE_HEADER,
  type SandboxEndpoint,
  SetUpEvent,
  ShellEvent,
  SpoolEvent,
} from "@ccr/protocol";
import { Client, type Dispatcher } from "undici";
import { z } from "zod";
import { LineTooLongError, lines } from "./lines.ts";

/** The executor did not answer as agreed: it is gone, or was cut off. The sandbox's state says which. */
export class ExecutorLostError extends Error {
  override readonly name = "ExecutorLostError";
}

type Route = { method: "GET" | "POST" | "DELETE"; path: string };
type JsonRoute<Result> = Route & { response: z.ZodType<Result> };

// A line may be as long as what a tool printed; beyond this something is wrong with the other side.
export const EVENT_MAX_BYTES = 256 * 1024 * 1024;
// What a pipe gives at once, as JSON.
const SETUP_EVENT_MAX_BYTES = 4 * 1024 * 1024;
const SHELL_EVENT_MAX_BYTES = 64 * 1024;
// The longest answer is a diff, whose patch the executor cuts at 16 MiB; JSON makes it at most six times as long.
const ANSWER_MAX_BYTES = 128 * 1024 * 1024;
const ERROR_MAX_BYTES = 64 * 1024;

// Linux's flag for a descriptor that only names a file; Node has no name for it (include/uapi/asm-generic/fcntl.h).
const O_PATH = 0o10000000;

type Connection = { client: Client /** Of the socket's file, if it is one. */; inode: number | null; close: () => Promise<void> };

/** A whole body, as JSON. The agent can put itself into the executor's place, so its length is bounded while it is read. */
const readJson = async (body: AsyncIterable<Buffer>, maxBytes: number): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`its answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
};

const paramsOf = (query: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

const withQuery = (path: string, query: Record<string, string | undefined>): string => {
  const text = new URLSearchParams(paramsOf(query)).toString();
  return text === "" ? path : `${path}?${text}`;
};

const lost = (doing: string, cause: unknown): ExecutorLostError =>
  new ExecutorLostError(`${doing}: the executor cannot be reached (${cause instanceof Error ? cause.message : String(cause)})`, {
    cause,
  });

/**
 * Speaks with one sandbox's executor through its door, as the one who has this fencing number, or as one who only looks: when somebody with a greater one has spoken
 * with it, every answer is a `CcrError` with `conflict`. Errors it reports are `CcrError`s; silence is an `ExecutorLostError`.
 */
export const connectExecutor = (endpoint: SandboxEndpoint, fence: number | null) => {
  // Streams stay silent for as long as the agent thinks, so the client has no time limits of its own; calls bring a signal.
  const options: Client.Options = { headersTimeout: 0, bodyTimeout: 0, pipelining: 0 };
  let inode: number | null = null;
  const open = async (): Promise<Connection> => {
    if (!("socketPath" in endpoint)) {
      const client = new Client(endpoint.url, options);
      return { client, inode: null, close: () => client.destroy() };
    }
    // The sandbox can write into the folder of its door, and put there what it likes at any moment: a link to a socket of the host,
    // or a socket of its own. So the file is opened without following a link and looked at, and what was looked at is connected to.
    const file = await openFile(endpoint.socketPath, O_PATH | constants.O_NOFOLLOW);
    try {
      const found = await file.stat();
      if (!found.isSocket()) throw new Error(`${endpoint.socketPath} is not a socket`);
      if (inode !== null && found.ino !== inode) throw new Error("somebody else listens in its place");
      const client = new Client("http://executor", { ...options, connect: { socketPath: `/proc/self/fd/${file.fd}` } });
      return {
        client,
        inode: found.ino,
        close: async () => {
          await client.destroy();
          await file.close();
        },
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  };

  const request = async (
    route: Route,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<{ connection: Connection; response: Dispatcher.ResponseData }> => {
    const connection = await open().catch((error: unknown) => {
      throw lost(route.path, error);
    });
    try {
      const response = await connection.client.request({
        method: route.method,
        path,
        signal,
        headers: {
          ...(fence === null ? {} : { [FENCE_HEADER]: String(fence) }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // Whoever answers first is the executor: before that, the file may be one that a dead sandbox left, which the new one replaces.
      inode ??= connection.inode;
      if (response.statusCode >= 400) {
        const parsed = ErrorBody.safeParse(await readJson(response.body, ERROR_MAX_BYTES).catch(() => null));
        if (!parsed.success) throw lost(route.path, new Error(`it answered ${response.statusCode}`));
        throw new CcrError(parsed.data.error.code, parsed.data.error.message);
      }
      return { connection, response };
    } catch (error) {
      await connection.close();
      signal.throwIfAborted();
      throw error instanceof CcrError || error instanceof ExecutorLostError ? error : lost(route.path, error);
    }
  };

  const call = async <Result>(route: JsonRoute<Result>, body: unknown, signal: AbortSignal): Promise<Result> => {
    const { connection, response } = await request(route, route.path, body, signal);
    try {
      return route.response.parse(await readJson(response.body, ANSWER_MAX_BYTES));
    } catch (error) {
      signal.throwIfAborted();
      throw lost(route.path, error);
    } finally {
      await connection.close();
    }
  };

  async function* bytes(
    route: Route,
    options: { query: Record<string, string>; body?: unknown; signal: AbortSignal },
  ): AsyncGenerator<Buffer> {
    const { query, body, signal } = options;
    const { connection, response } = await request(route, `${route.path}?${new URLSearchParams(query)}`, body, signal);
    try {
      for await (const chunk of response.body) {
        if (!(chunk instanceof Buffer)) throw new TypeError("its answer is not bytes");
        yield chunk;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw lost(route.path, error);
    } finally {
      await connection.close();
    }
  }

  /** Events of one kind, one a line. */
  async function* events<Event>(
    route: Route,
    { schema, maxBytes }: { schema: z.ZodType<Event>; maxBytes: number },
    options: Parameters<typeof bytes>[1],
  ): AsyncGenerator<Event> {
    try {
      for await (const line of lines(bytes(route, options), maxBytes)) yield schema.parse(JSON.parse(line));
    } catch (error) {
      throw error instanceof SyntaxError || error instanceof z.ZodError || error instanceof LineTooLongError
        ? lost(route.path, error)
        : error;
    }
  }

  const stream = (route: Route, { after, body, signal }: { after: number; body?: unknown; signal: AbortSignal }) =>
    events(route, { schema: SpoolEvent, maxBytes: EVENT_MAX_BYTES }, { query: { after: String(after) }, body, signal });

  return {
    health: (signal: AbortSignal) => call(executorRoutes.health, undefined, signal),
    initGit: (input: InitGitInput, signal: AbortSignal) => call(executorRoutes.initGit, input, signal),
    gitClone: (input: GitCloneInput, signal: AbortSignal) => call(executorRoutes.gitClone, input, signal),
    /** Runs an environment's script, and gives what it prints and how it ended; ends early when the connection is cut. */
    setUp: (input: SetUpInput, signal: AbortSignal) =>
      events(executorRoutes.setUp, { schema: SetUpEvent, maxBytes: SETUP_EVENT_MAX_BYTES }, { query: {}, body: input, signal }),
    restore: (input: RestoreInput, signal: AbortSignal) => call(executorRoutes.restore, input, signal),
    interrupt: (signal: AbortSignal) => call(executorRoutes.interrupt, undefined, signal),
    /** Answers a question of the agent; whether it was open. */
    answer: (input: AnswerQuestionInput, signal: AbortSignal) => call(executorRoutes.answer, input, signal),
    /** Changes how the agent works from now on; whether there was one. */
    configure: (input: ConfigureAgentInput, signal: AbortSignal) => call(executorRoutes.configure, input, signal),
    /** What the agent is writing, as it writes it, until the connection is cut. */
    draft: (signal: AbortSignal) =>
      events(executorRoutes.draft, { schema: DraftEvent, maxBytes: EVENT_MAX_BYTES }, { query: {}, signal }),
    check: (input: CheckInput, signal: AbortSignal) => call(executorRoutes.check, input, signal),
    /** All that a check printed whose result has only a part of it. */
    checkOutput: (checkId: string, signal: AbortSignal): AsyncIterable<Uint8Array> =>
      bytes(executorRoutes.checkOutput, { query: { checkId }, signal }),
    diff: (signal: AbortSignal) => call(executorRoutes.diff, undefined, signal),
    /** Starts an execution and gives every event after `after`; ends after its `execution_ended`, or early when the connection is cut. */
    execute: (input: ExecuteInput, after: number, signal: AbortSignal) =>
      stream(executorRoutes.execute, { after, body: input, signal }),
    /** Every event after `after`, to the end of a running execution. */
    follow: (after: number, signal: AbortSignal) => stream(executorRoutes.follow, { after, signal }),
    /** Lets the next execution go on with a conversation whose file is inside the sandbox. */
    adopt: (input: AdoptInput, signal: AbortSignal) => call(executorRoutes.adopt, input, signal),
    /** Lets the executor forget what is stored. */
    ack: (seq: number, signal: AbortSignal) => call(executorRoutes.ack, { seq }, signal),
    snapshot: (query: z.infer<typeof SnapshotQuery>, signal: AbortSignal) =>
      call({ ...executorRoutes.snapshot, path: withQuery(executorRoutes.snapshot.path, query) }, undefined, signal),
    bundle: (query: z.infer<typeof BundleQuery>, signal: AbortSignal): AsyncIterable<Uint8Array> =>
      bytes(executorRoutes.bundle, { query: paramsOf(query), signal }),
    conversation: (part: { session: string; after: number }, signal: AbortSignal): AsyncIterable<Uint8Array> =>
      bytes(executorRoutes.conversation, { query: { session: part.session, after: String(part.after) }, signal }),
    listFiles: (path: string, signal: AbortSignal) =>
      call({ ...executorRoutes.listFiles, path: withQuery(executorRoutes.listFiles.path, { path }) }, undefined, signal),
    listPaths: (signal: AbortSignal) => call(executorRoutes.listPaths, undefined, signal),
    file: (path: string, signal: AbortSignal): AsyncIterable<Uint8Array> =>
      bytes(executorRoutes.file, { query: { path }, signal }),
    openShell: (size: ShellSize, signal: AbortSignal) => call(executorRoutes.openShell, size, signal),
    listShells: (signal: AbortSignal) => call(executorRoutes.listShells, undefined, signal),
    /** What a shell has printed after so many bytes, and prints, to its end, or early when the connection is cut. */
    followShell: (id: ShellId, after: number, signal: AbortSignal) =>
      events(
        executorRoutes.followShell,
        { schema: ShellEvent, maxBytes: SHELL_EVENT_MAX_BYTES },
        { query: { id, after: String(after) }, signal },
      ),
    closeShell: (id: ShellId, signal: AbortSignal) =>
      call({ ...executorRoutes.closeShell, path: withQuery(executorRoutes.closeShell.path, { id }) }, undefined, signal),
    shellInput: (input: ShellInput, signal: AbortSignal) => call(executorRoutes.shellInput, input, signal),
    resizeShell: (input: ShellResize, signal: AbortSignal) => call(executorRoutes.resizeShell, input, signal),
  };
};
export type ExecutorClient = ReturnType<typeof connectExecutor>;
