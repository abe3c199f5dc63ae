import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  BundleQuery,
  CcrError,
  CheckOutputQuery,
  ConversationQuery,
  describeZodError,
  ERROR_STATUS,
  errorBody,
  executorRoutes,
  FENCE_HEADER,
  FileQuery,
  FollowQuery,
  FollowShellQuery,
  ShellQuery,
  SnapshotQuery,
} from "@ccr/protocol";
import type { z } from "zod";
import type { Bytes, ExecutorApi, Reply } from "./executor.ts";
import { type Fence, readFence } from "./fence.ts";

// A prompt of 10 million characters, each of which JSON may have to escape as six bytes.
const MAX_BODY_BYTES = 64 * 1024 * 1024;
// Longer than the pause between two requests of a client that keeps its connection, so that it is never closed under a request.
const KEEP_ALIVE_MS = 75_000;

interface Call {
  body: unknown;
  query: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

interface Route {
  method: string;
  path: string;
  takesBody: boolean;
  handle: (call: Call) => Promise<Reply>;
}

const read = <T extends z.ZodType>(schema: T, value: unknown): z.infer<T> => {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new CcrError("bad_request", describeZodError(parsed.error));
  return parsed.data;
};

const routesOf = (api: ExecutorApi): Route[] => {
  const { health, initGit, gitClone, execute, follow, interrupt, check, checkOutput, diff, ack } = executorRoutes;
  const { setUp, restore, snapshot, bundle, conversation, adopt, answer, configure, draft } = executorRoutes;
  const { listFiles, listPaths, file, openShell, listShells, followShell, closeShell, shellInput, resizeShell } = executorRoutes;
  const json = async (value: Promise<unknown>): Promise<Reply> => ({ kind: "json", value: await value });
  const bytes = async (value: Promise<Bytes>): Promise<Reply> => ({ kind: "bytes", ...(await value) });
  // `satisfies`: a route that is added to the table is missed here by the compiler.
  const handlers = {
    health: { ...health, takesBody: false, handle: () => json(api.health()) },
    initGit: { ...initGit, takesBody: true, handle: ({ body }) => json(api.initGit(read(initGit.request, body))) },
    gitClone: {
      ...gitClone,
      takesBody: true,
      handle: ({ body, signal }) => json(api.gitClone(read(gitClone.request, body), signal)),
    },
    setUp: { ...setUp, takesBody: true, handle: ({ body, signal }) => api.setUp(read(setUp.request, body), signal) },
    restore: {
      ...restore,
      takesBody: true,
      handle: ({ body, signal }) => json(api.restore(read(restore.request, body), signal)),
    },
    execute: {
      ...execute,
      takesBody: true,
      handle: ({ body, query, signal }) =>
        api.execute(read(execute.request, body), { after: read(FollowQuery, query).after, signal }),
    },
    follow: {
      ...follow,
      takesBody: false,
      handle: ({ query, signal }) => api.follow({ after: read(FollowQuery, query).after, signal }),
    },
    interrupt: { ...interrupt, takesBody: false, handle: () => json(api.interrupt()) },
    answer: { ...answer, takesBody: true, handle: ({ body }) => json(api.answer(read(answer.request, body))) },
    configure: { ...configure, takesBody: true, handle: ({ body }) => json(api.configure(read(configure.request, body))) },
    draft: { ...draft, takesBody: false, handle: ({ signal }) => api.draft(signal) },
    check: { ...check, takesBody: true, handle: ({ body, signal }) => json(api.check(read(check.request, body), signal)) },
    checkOutput: {
      ...checkOutput,
      takesBody: false,
      handle: ({ query, signal }) => bytes(api.checkOutput(read(CheckOutputQuery, query), signal)),
    },
    diff: { ...diff, takesBody: false, handle: ({ signal }) => json(api.diff(signal)) },
    adopt: { ...adopt, takesBody: true, handle: ({ body }) => json(api.adopt(read(adopt.request, body))) },
    ack: { ...ack, takesBody: true, handle: ({ body }) => json(api.ack(read(ack.request, body))) },
    snapshot: {
      ...snapshot,
      takesBody: false,
      handle: ({ query, signal }) => json(api.snapshot(read(SnapshotQuery, query), signal)),
    },
    bundle: {
      ...bundle,
      takesBody: false,
      handle: ({ query, signal }) => bytes(api.bundle(read(BundleQuery, query), signal)),
    },
    conversation: {
      ...conversation,
      takesBody: false,
      handle: ({ query, signal }) => bytes(api.conversation(read(ConversationQuery, query), signal)),
    },
    listFiles: { ...listFiles, takesBody: false, handle: ({ query }) => json(api.listFiles(read(FileQuery, query))) },
    listPaths: { ...listPaths, takesBody: false, handle: ({ signal }) => json(api.listPaths(signal)) },
    file: { ...file, takesBody: false, handle: ({ query }) => bytes(api.file(read(FileQuery, query))) },
    openShell: { ...openShell, takesBody: true, handle: ({ body }) => json(api.openShell(read(openShell.request, body))) },
    listShells: { ...listShells, takesBody: false, handle: () => json(api.listShells()) },
    followShell: {
      ...followShell,
      takesBody: false,
      handle: ({ query, signal }) => api.followShell(read(FollowShellQuery, query), signal),
    },
    closeShell: { ...closeShell, takesBody: false, handle: ({ query }) => json(api.closeShell(read(ShellQuery, query))) },
    shellInput: { ...shellInput, takesBody: true, handle: ({ body }) => json(api.shellInput(read(shellInput.request, body))) },
    resizeShell: {
      ...resizeShell,
      takesBody: true,
      handle: ({ body }) => json(api.resizeShell(read(resizeShell.request, body))),
    },
  } satisfies Record<keyof typeof executorRoutes, Route>;
  return Object.values(handlers);
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether a header holds the token; takes the same time for every wrong one. Pure. */
export const isAuthorized = (header: string | undefined, token: string | null): boolean => {
  if (token === null) return true;
  const given = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1] ?? "";
  return timingSafeEqual(digest(given), digest(token));
};

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const tooLarge = () =>
    new CcrError("payload_too_large", `The body is larger than ${MAX_BODY_BYTES.toLocaleString("en")} bytes.`);
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new CcrError("bad_request", "The body is not UTF-8.");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new CcrError("bad_request", "The body is not JSON.");
  }
};

const toError = (error: unknown): CcrError =>
  error instanceof CcrError
    ? error
    : new CcrError(
        "internal",
        `Something went wrong in the executor: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );

const sendJson = (response: ServerResponse, status: number, value: unknown): void => {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(text);
};

interface Body {
  headers: Readonly<Record<string, string | number>>;
  chunks: AsyncIterable<Buffer>;
}

/** Sends pieces as they come, at the reader's pace. A failure cuts the connection: the reader sees that this was not the end. */
const sendChunks = async (response: ServerResponse, { headers, chunks }: Body, signal: AbortSignal): Promise<void> => {
  response.writeHead(200, { ...headers, "cache-control": "no-store" });
  response.flushHeaders();
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      if (!response.write(chunk)) await once(response, "drain", { signal });
    }
    response.end();
  } catch {
    response.destroy();
  }
};

const headersOf = (reply: Exclude<Reply, { kind: "json" }>): Body["headers"] =>
  reply.kind === "stream"
    ? { "content-type": "application/x-ndjson" }
    : {
        "content-type": "application/octet-stream",
        // With its length a reader can tell a cut answer from a whole one; without it, by the missing end of the chunked encoding.
        ...(reply.length === null ? {} : { "content-length": reply.length }),
      };

export interface HttpServerOptions {
  api: ExecutorApi;
  token: string | null;
  fence: Fence;
  /** Errors that are ours, for the log. */
  onError: (error: CcrError) => void;
}

/** Serves the executor's routes; not listening yet. */
export const createHttpServer = ({ api, token, fence, onError }: HttpServerOptions): Server => {
  const routes = routesOf(api);
  const answer = async (request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> => {
    if (!isAuthorized(request.headers.authorization, token)) {
      throw new CcrError("unauthorized", "The bearer token is missing or wrong: send 'Authorization: Bearer <EXECUTOR_TOKEN>'.");
    }
    const url = URL.parse(request.url ?? "/", "http://executor");
    const pathname = url?.pathname ?? "/";
    const onPath = routes.filter((route) => route.path === pathname);
    if (onPath.length === 0) throw new CcrError("not_found", `There is no route ${pathname.slice(0, 200)}.`);
    const route = onPath.find((each) => each.method === request.method);
    if (route === undefined) {
      const methods = onPath.map((each) => each.method).join(", ");
      response.setHeader("allow", methods);
      throw new CcrError("method_not_allowed", `${pathname} takes ${methods}, not ${request.method ?? "nothing"}.`);
    }
    const number = readFence(request.headers[FENCE_HEADER]);
    if (number !== null) await fence.hear(number);
    const query = Object.fromEntries(url?.searchParams ?? []);
    const body = route.takesBody ? await readBody(request) : undefined;
    // A body may take its time.
    if (number !== null) fence.check(number);
    const reply = await route.handle({ body, query, signal });
    if (reply.kind === "json") return sendJson(response, 200, reply.value);
    using _guard = number === null ? null : fence.guard(number, () => response.destroy());
    await sendChunks(response, { headers: headersOf(reply), chunks: reply.chunks }, signal);
  };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    response.on("error", () => {}); // the reader left; `close` follows
    answer(request, response, gone.signal).catch((thrown: unknown) => {
      const error = toError(thrown);
      if (error.code === "internal" && !gone.signal.aborted) onError(error);
      if (response.headersSent) response.destroy();
      else sendJson(response, ERROR_STATUS[error.code], errorBody(error));
    });
  });
  return server;
};
