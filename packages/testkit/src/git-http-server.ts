import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gitEnvironment } from "./git.ts";

/**
 * What goes wrong with every request until the fault is taken away: a status, no answer at all, a cut connection, an answer that is lost after
 * the work was done, or a redirect.
 */
export type GitServerFault = { status: number } | "hang" | "cut" | "lose_answer" | { redirectTo: string };

export interface GitHttpServerOptions {
  /** The folder whose repositories are served: `<root>/name.git` is at `<url>/name.git`. */
  root: string;
  /** Asks for these with basic authentication. */
  credentials?: { username: string; password: string };
  /** Takes pushes too; off when left out. */
  allowPush?: boolean;
  fault?: GitServerFault | null;
}

export interface GitHttpRequest {
  method: string;
  url: string;
  authorization: string | null;
}

type GitBackendOptions = Pick<GitHttpServerOptions, "root" | "allowPush">;

/** Answers git's requests; disposing ends what still answers. */
export interface GitBackend extends AsyncDisposable {
  /** `user` is who pushes; empty: nobody who gave a name. */
  answer(
    request: IncomingMessage,
    response: ServerResponse,
    options: { user: string /** The work is done, and the connection cut then. */; losesAnswer?: boolean },
  ): void;
}

export interface GitHttpServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Every request so far, in order, with the credential it carried. */
  readonly requests: readonly GitHttpRequest[];
  /** How many requests wait for an answer now. */
  pending(): number;
  /** `only`: the fault is for requests whose `METHOD URL` matches. */
  setFault(fault: GitServerFault | null, only?: RegExp): void;
}

const cgiEnvironment = (request: IncomingMessage, options: GitBackendOptions, user: string): Record<string, string> => {
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const header = (name: string): string => {
    const value = request.headers[name];
    return typeof value === "string" ? value : "";
  };
  return {
    ...gitEnvironment(new Date()),
    GIT_PROJECT_ROOT: options.root,
    GIT_HTTP_EXPORT_ALL: "1",
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "http.receivepack",
    GIT_CONFIG_VALUE_0: options.allowPush ? "true" : "false",
    GIT_CONFIG_KEY_1: "safe.directory",
    GIT_CONFIG_VALUE_1: "*",
    GIT_PROTOCOL: header("git-protocol"),
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? "GET",
    CONTENT_TYPE: header("content-type"),
    ...(header("content-length") === "" ? {} : { CONTENT_LENGTH: header("content-length") }),
    ...(header("content-encoding") === "" ? {} : { HTTP_CONTENT_ENCODING: header("content-encoding") }),
    REMOTE_ADDR: "127.0.0.1",
    ...(user === "" ? {} : { REMOTE_USER: user }),
  };
};

/** Sends a CGI program's output on: its header lines first, then the body as it comes. */
const relay = (child: ChildProcess, response: ServerResponse): void => {
  let head: Buffer | null = Buffer.alloc(0);
  child.stdout?.on("data", (chunk: Buffer) => {
    if (head === null) {
      if (!response.write(chunk) && !response.destroyed) {
        child.stdout?.pause();
        response.once("drain", () => child.stdout?.resume());
      }
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const headers: Record<string, string> = {};
    let status = 200;
    for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
      const [name = "", ...rest] = line.split(":");
      const value = rest.join(":").trim();
      if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
      else headers[name] = value;
    }
    response.writeHead(status, headers);
    response.write(head.subarray(end + 4));
    head = null;
  });
  child.once("close", () => {
    if (head !== null) response.writeHead(500);
    response.end();
  });
};

/** Lets git's own `http-backend` answer the requests that it is given, for a server of any kind. */
export const createGitBackend = (options: GitBackendOptions): GitBackend => {
  const children = new Set<ChildProcess>();
  return {
    answer: (request, response, { user, losesAnswer = false }) => {
      const env = cgiEnvironment(request, options, user);
      const child = spawn("git", ["http-backend"], { env, stdio: ["pipe", "pipe", "ignore"] });
      children.add(child);
      child.once("close", () => children.delete(child));
      child.once("error", () => response.destroy());
      child.stdin.on("error", () => {}); // it may answer and leave before it has read the whole request
      request.pipe(child.stdin);
      response.once("close", () => {
        child.kill();
        child.stdout.destroy(); // nobody reads on: what still writes to it must see that, and the child counts as closed only then
      });
      if (losesAnswer) {
        child.stdout.resume();
        child.once("close", () => request.socket.destroy());
      } else relay(child, response);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(
        [...children].map((child) => {
          child.kill("SIGKILL");
          return new Promise((resolve) => child.once("close", resolve));
        }),
      );
    },
  };
};

/** Serves repositories over git's smart HTTP protocol on 127.0.0.1 (git's own `http-backend` answers); disposing ends every connection. */
export const startGitHttpServer = async (options: GitHttpServerOptions): Promise<GitHttpServer> => {
  const requests: GitHttpRequest[] = [];
  const backend = createGitBackend(options);
  let current: { fault: GitServerFault | null; only: RegExp } = { fault: options.fault ?? null, only: /^/ };
  let pending = 0;
  const expected =
    options.credentials === undefined
      ? null
      : `Basic ${Buffer.from(`${options.credentials.username}:${options.credentials.password}`).toString("base64")}`;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const authorization = request.headers.authorization ?? null;
    requests.push({ method: request.method ?? "", url: request.url ?? "", authorization });
    pending++;
    response.once("close", () => pending--);
    const fault = current.only.test(`${request.method} ${request.url}`) ? current.fault : null;
    if (fault === "hang") return;
    if (fault === "cut") {
      request.socket.destroy();
      return;
    }
    const told = typeof fault === "object" ? fault : null;
    if (told !== null && "redirectTo" in told) {
      response.writeHead(302, { location: `${told.redirectTo}${request.url ?? ""}` }).end();
      return;
    }
    if (told !== null || (expected !== null && authorization !== expected)) {
      const code = told?.status ?? 401;
      response.writeHead(code, code === 401 ? { "www-authenticate": 'Basic realm="test"' } : {}).end(`status ${code}\n`);
      return;
    }
    const user = expected === null ? "" : (options.credentials?.username ?? "");
    backend.answer(request, response, { user, losesAnswer: fault === "lose_answer" });
  };

  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the git server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    pending: () => pending,
    setFault: (fault, only = /^/) => {
      current = { fault, only };
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await backend[Symbol.asyncDispose]();
    },
  };
};
