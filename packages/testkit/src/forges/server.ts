import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createGitBackend, type GitBackend } from "../git-http-server.ts";
import { type ForgeFault, goWrong } from "./fault.ts";
import type { Answer, FakeHost, HostTokens } from "./host.ts";

export interface ForgeRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface HostServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Every request to the API so far, in order. */
  readonly requests: readonly ForgeRequest[];
  /** Where requests or answers were not as the host's document says, a text each. */
  readonly problems: readonly string[];
  /** Lets the next request that fits go wrong. */
  refuse(fault: ForgeFault, fits: (request: ForgeRequest) => boolean): void;
}

const GIT_PATH = /^\/(.+?)(?:\.git)?\/(?:info\/refs|git-upload-pack|git-receive-pack)$/;

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const send = (response: ServerResponse, answer: Answer): void => {
  if ("redirectTo" in answer) response.writeHead(answer.status, { location: answer.redirectTo }).end();
  else if ("text" in answer) response.writeHead(answer.status, { "content-type": "text/plain; charset=utf-8" }).end(answer.text);
  else if (answer.body === undefined) response.writeHead(answer.status, answer.headers ?? {}).end();
  else
    response
      .writeHead(answer.status, { "content-type": "application/json; charset=utf-8", ...answer.headers })
      .end(JSON.stringify(answer.body));
};

/** The password of basic authentication. */
const passwordIn = ({ authorization }: IncomingHttpHeaders): string | null => {
  const encoded = /^Basic (.+)$/.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  return text.slice(text.indexOf(":") + 1);
};

interface HostServerOptions {
  host: FakeHost;
  tokens: HostTokens;
  /** The folder of the repositories that git is served from; null: none is. */
  root: string | null;
}

/**
 * Serves a fake host's API, and git, at one address on 127.0.0.1. What the host's document does not know is answered with a status of 500
 * and noted among the problems.
 */
export const startHostServer = async ({ host, tokens, root }: HostServerOptions): Promise<HostServer> => {
  const requests: ForgeRequest[] = [];
  const problems: string[] = [];
  const faults: { fault: ForgeFault; fits: (request: ForgeRequest) => boolean }[] = [];
  const git: GitBackend | null = root === null ? null : createGitBackend({ root, allowPush: true });
  let url = "";

  const complain = (request: ForgeRequest, found: readonly string[]): Answer => {
    const text = `${request.method} ${request.path}: ${found.join("; ")}`;
    if (!problems.includes(text)) problems.push(text);
    return { status: 500, body: { message: `the document of this host does not allow it: ${text}` } };
  };

  const refused = (status: number, message: string): Answer => ({ status, body: host.error(status, message) });

  const answerApi = async (request: ForgeRequest): Promise<Answer> => {
    const address = new URL(request.path, url);
    const path = address.pathname.slice(host.apiPath.length);
    const match = host.contract.match(request.method, path);
    if (match === null) return complain(request, ["there is no such operation"]);
    const handler = host.routes[match.name];
    if (handler === undefined) return complain(request, ["the fake host does not serve this operation yet"]);
    const found = host.contract.checkRequest(match, { query: address.searchParams, body: request.body });
    if (found.length > 0) return complain(request, found);
    const token = host.tokenIn(request.headers);
    if (token === null) return refused(401, "Requires authentication");
    if (token !== tokens.token && token !== tokens.readOnly && !host.knows(token)) return refused(401, "Bad credentials");
    if (token === tokens.readOnly && request.method !== "GET") return refused(403, "Resource not accessible by this token");
    const body = typeof request.body === "object" && request.body !== null ? { ...request.body } : {};
    const { params } = match;
    const call = {
      params,
      query: address.searchParams,
      body,
      headers: request.headers,
      apiUrl: `${url}${host.apiPath}`,
      url,
      filesUrl: url.replace("127.0.0.1", "localhost"),
    };
    const answer = await handler(call);
    const wrong = "body" in answer ? host.contract.checkAnswer(match, { status: answer.status, body: answer.body }) : [];
    return wrong.length > 0 ? complain(request, wrong) : answer;
  };

  const answerGit = (request: IncomingMessage, response: ServerResponse, backend: GitBackend): void => {
    const token = passwordIn(request.headers);
    const isPush = request.url?.includes("git-receive-pack") ?? false;
    if (token !== tokens.token && (isPush || token !== tokens.readOnly) && !(token !== null && host.knows(token)))
      response.writeHead(token === null ? 401 : 403, { "www-authenticate": 'Basic realm="git"' }).end();
    else backend.answer(request, response, { user: "runner" });
  };

  const answerFile = (request: IncomingMessage, id: number): Answer => {
    const shown = Object.keys(request.headers).filter((name) => name === "authorization" || name === "private-token");
    if (shown.length > 0) problems.push(`${request.method} ${request.url}: a token was sent to where files lie`);
    const log = host.logOf(id);
    return log === null ? { status: 404, text: "" } : { status: 200, text: log };
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "/";
    const file = /^\/logs\/(\d+)$/.exec(path)?.[1];
    if (file !== undefined) {
      send(response, answerFile(request, Number(file)));
      return;
    }
    if (git !== null && GIT_PATH.test(new URL(path, url).pathname)) {
      answerGit(request, response, git);
      return;
    }
    const known = { method: request.method ?? "", path, headers: request.headers, body: await readBody(request) };
    requests.push(known);
    const index = faults.findIndex(({ fits }) => fits(known));
    const [found] = index < 0 ? [] : faults.splice(index, 1);
    if (found !== undefined) goWrong(found.fault, response);
    else send(response, await answerApi(known));
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      problems.push(`${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the host has no port");
  url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    port: address.port,
    requests,
    problems,
    refuse: (fault, fits) => {
      faults.push({ fault, fits });
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await git?.[Symbol.asyncDispose]();
    },
  };
};
