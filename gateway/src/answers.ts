import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { CcrError, type ErrorCode, errorBody } from "@ccr/protocol";

/** Time in which a client that is still sending may read its refusal before the connection is cut. */
const LINGER_MS = 5_000;

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: "bad_request",
  403: "forbidden",
  413: "payload_too_large",
  429: "too_many_requests",
  500: "internal",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};

/** The names that Anthropic's API gives its errors, by status; Claude Code retries by them. */
const MODEL_ERROR_OF_STATUS: Record<number, string> = {
  400: "invalid_request_error",
  403: "permission_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
};

const proxyErrorBody = (status: number, message: string): string =>
  JSON.stringify(errorBody(new CcrError(CODE_OF_STATUS[status] ?? "internal", message)));

/** An error body as Anthropic's API writes it. */
const modelErrorBody = (status: number, message: string): string =>
  JSON.stringify({ type: "error", error: { type: MODEL_ERROR_OF_STATUS[status] ?? "api_error", message } });

/** Lets a client that is still sending read its answer: what it sends is thrown away for a while, then the connection is cut. */
const drain = (request: IncomingMessage): void => {
  if (request.complete) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  timer.unref();
  request.on("close", () => clearTimeout(timer));
  request.on("error", () => {}); // The client went away, which is what the timer would have forced.
  request.unpipe();
  request.resume();
};

type Refusal = { status: number; message: string; format: "model" | "proxy" };

/** Answers with an error in the format that the asker understands, and takes nothing more from this connection. Not after headers were sent. */
export const answerError = (request: IncomingMessage, response: ServerResponse, { status, message, format }: Refusal): void => {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = format === "model" ? modelErrorBody(status, message) : proxyErrorBody(status, message);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  response.end(request.method === "HEAD" ? undefined : body);
  drain(request);
};

/** The same on a bare connection, for CONNECT and for what was not HTTP at all; closes the connection. */
export const answerErrorOnSocket = (socket: Duplex, status: number, message: string): void => {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = proxyErrorBody(status, message);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.on("close", () => clearTimeout(timer));
  socket.on("end", () => socket.destroy());
  socket.resume();
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
};
