import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type net from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { answerError } from "./answers.ts";
import { decideProxied, type ProxyContext, refusalMessage } from "./exchange.ts";
import { endToEndHeaders, type Headers, headerPairs, headerValues } from "./headers.ts";
import { allowed, type Outcome, refused } from "./outcome.ts";
import { reasonOf } from "./reason.ts";
import { parseAbsoluteForm, type Target } from "./target.ts";

const counter = () => {
  let bytes = 0;
  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, bytes: () => bytes };
};

/** For these Node would announce a body by itself. */
const METHODS_WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

/** The headers for the origin: the client's, with the host that was decided on and the framing under which the body is passed on. */
const originHeaders = (request: IncomingMessage, { host, port }: Target): Headers => {
  const client = headerPairs(request.rawHeaders);
  const codings = headerValues(client, "transfer-encoding");
  const hasBody = codings.length > 0 || request.headers["content-length"] !== undefined;
  const framing: Headers = codings.map((value) => ["Transfer-Encoding", value]);
  if (!hasBody && METHODS_WITH_BODY.has(request.method ?? "")) framing.push(["Content-Length", "0"]);
  return [
    ["Host", port === 80 ? host : `${host}:${port}`],
    ...endToEndHeaders(client).filter(([name]) => !["host", "forwarded"].includes(name.toLowerCase())),
    ...framing,
    ["Connection", "close"],
  ];
};

/** Sends the request over a connection of its own and gives the origin's answer. Redirects are answers: following them is for the client. */
const ask = (request: IncomingMessage, socket: net.Socket, options: { path: string; headers: Headers; body: Transform }) => {
  const answered = Promise.withResolvers<IncomingMessage>();
  const upstream: ClientRequest = httpRequest({
    createConnection: () => socket,
    method: request.method,
    path: options.path,
    headers: options.headers.flat(),
    setHost: false,
    insecureHTTPParser: false,
  });
  upstream.on("response", answered.resolve);
  upstream.on("error", answered.reject);
  upstream.on("close", () => answered.reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
  request.on("error", () => upstream.destroy());
  request.pipe(options.body).pipe(upstream);
  return answered.promise;
};

/** Handles a plain `http://` request in absolute form: decided anew each time, then passed on over a connection of its own. */
export const proxyRequest = async (
  request: IncomingMessage,
  response: ServerResponse,
  context: ProxyContext,
): Promise<Outcome> => {
  const method = request.method ?? "";
  const parsed = parseAbsoluteForm(request.url ?? "");
  if (!parsed.ok) {
    answerError(request, response, { status: 403, message: refusalMessage(parsed.reason), format: "proxy" });
    return refused({ kind: "http", method, host: request.url ?? "", port: 0, path: "" }, parsed.reason, 403);
  }
  const { target } = parsed;
  const asked = { kind: "http" as const, method, ...target, path: parsed.path };
  const refuse = (rule: string, status: number, by?: Outcome["refusedBy"]): Outcome => {
    answerError(request, response, { status, message: refusalMessage(rule), format: "proxy" });
    return refused(asked, rule, status, by);
  };
  // Other codings than chunked would have to be understood to know where the request ends.
  const codings = headerValues(headerPairs(request.rawHeaders), "transfer-encoding");
  if (codings.length > 1 || codings.some((coding) => coding.trim().toLowerCase() !== "chunked")) {
    return refuse("the request's transfer coding is not plainly chunked", 400);
  }
  const decision = decideProxied(context, target);
  if (decision.decision === "deny") return refuse(decision.rule, 403, decision.by);

  const canceled = new AbortController();
  response.on("close", () => canceled.abort());
  const signal = AbortSignal.any([context.signal, canceled.signal]);
  await context.begin(asked, decision.rule);
  const dialled = await context.dial(target, signal);
  if (dialled.status === "refused") return refuse(dialled.rule, 403);
  if (dialled.status === "failed") {
    answerError(request, response, { status: dialled.httpStatus, message: `${dialled.message}.`, format: "proxy" });
    return allowed(asked, { rule: `${decision.rule}; ${dialled.message}`, status: dialled.httpStatus, bytesUp: 0, bytesDown: 0 });
  }

  const { socket } = dialled;
  const cut = () => socket.destroy();
  signal.addEventListener("abort", cut, { once: true });
  if (signal.aborted) cut();
  socket.setTimeout(context.limits.idleMs, () => socket.destroy(Object.assign(new Error("idle"), { code: "ETIMEDOUT" })));
  const up = counter();
  const down = counter();
  try {
    const answer = await ask(request, socket, {
      path: parsed.pathAndQuery,
      headers: originHeaders(request, target),
      body: up.stream,
    });
    const status = answer.statusCode ?? 502;
    response.writeHead(status, endToEndHeaders(headerPairs(answer.rawHeaders)).flat());
    response.flushHeaders();
    const ending = await pipeline(answer, down.stream, response).then(
      () => "",
      () => "; cut off before its end",
    );
    return allowed(asked, { rule: decision.rule + ending, status, bytesUp: up.bytes(), bytesDown: down.bytes() });
  } catch (error) {
    const reason = reasonOf(error);
    const status = reason === "ETIMEDOUT" ? 504 : 502;
    answerError(request, response, {
      status,
      message: `${target.host}:${target.port} did not answer (${reason}).`,
      format: "proxy",
    });
    return allowed(asked, {
      rule: `${decision.rule}; no answer (${reason})`,
      status,
      bytesUp: up.bytes(),
      bytesDown: down.bytes(),
    });
  } finally {
    signal.removeEventListener("abort", cut);
    socket.destroy();
    // An origin may answer before it read everything; the rest must not stay in the way of the next request.
    request.unpipe().resume();
  }
};
