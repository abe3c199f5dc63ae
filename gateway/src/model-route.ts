import type { IncomingMessage, ServerResponse } from "node:http";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Agent, type Dispatcher } from "undici";
import { answerError } from "./answers.ts";
import { type Credential, upstreamHeaders } from "./credential.ts";
import type { Begin } from "./exchange.ts";
import { endToEndHeaders, type Headers, headerPairs } from "./headers.ts";
import type { Limits } from "./limits.ts";
import { createMask, maskText } from "./mask.ts";
import { createMeter, type Meter } from "./metering.ts";
import { allowed, type Outcome, refused } from "./outcome.ts";
import { reasonOf } from "./reason.ts";
import { printable } from "./target.ts";

/** Where requests to the model go, and as whom. The operator's choice, so that private addresses are fine here. */
export type Upstream = { baseUrl: URL; credential: Credential };

/** Serves the Messages API of one upstream to every door. */
export type ModelRoute = {
  /** Answers one request, whatever happens; resolves when nothing of it is left. */
  handle(request: IncomingMessage, response: ServerResponse, context: { begin: Begin; signal: AbortSignal }): Promise<Outcome>;
  close(): Promise<void>;
};

const PATHS = new Set(["/v1/messages", "/v1/messages/count_tokens"]);
/** Set-Cookie and Alt-Svc speak to a browser of the upstream, Location leads elsewhere: none is the sandbox's business. */
const KEPT_FROM_CLIENT = new Set(["set-cookie", "alt-svc", "location"]);
const TIMEOUT_CODES = new Set(["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "ETIMEDOUT"]);
/** Whether a request's target is what a client library sends: printable ASCII. */
const isPlain = (target: string | undefined): boolean => /^[\x21-\x7e]+$/.test(target ?? "");

/** What a stream fails with when the sandbox or a closed door ended it. */
const OUR_END_CODES = new Set(["ERR_STREAM_PREMATURE_CLOSE", "ABORT_ERR", "UND_ERR_ABORTED"]);

class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

type Answer = { status: number; message: string };

const describeFailure = (error: unknown, limits: Limits): Answer => {
  if (error instanceof BodyTooLargeError) {
    return { status: 413, message: `The request is larger than ${Math.floor(limits.modelBodyBytes / 1024 / 1024)} MB.` };
  }
  const reason = reasonOf(error);
  return TIMEOUT_CODES.has(reason)
    ? { status: 504, message: `The model's server did not answer in time (${reason}). Try again.` }
    : { status: 502, message: `The model's server could not be reached (${reason}). Try again.` };
};

/** Why an answer of the upstream is not passed on; null when it is. */
const unfitAnswer = (status: number, headers: Headers): Answer | null => {
  if (status >= 300 && status < 400) {
    return {
      status: 502,
      message: `The model's server answered with a redirect (${status}), which is not followed. ANTHROPIC_BASE_URL may be wrong.`,
    };
  }
  const encoding = headers.find(([name]) => name.toLowerCase() === "content-encoding")?.[1];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return { status: 502, message: "The model's server compressed its answer although it was asked not to." };
  }
  return null;
};

const responseHeaders = (headers: Dispatcher.ResponseData["headers"]): Headers =>
  Object.entries(headers).flatMap(
    ([name, value]): Headers => (value === undefined ? [] : (Array.isArray(value) ? value : [value]).map((one) => [name, one])),
  );

/** The request's body, counted; fails with BodyTooLargeError past the limit. */
const countedBody = (request: IncomingMessage, maxBytes: number) => {
  let bytes = 0;
  const body = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes > maxBytes) done(new BodyTooLargeError());
      else done(null, chunk);
    },
  });
  // Not a pipeline: when the upstream answers early the body is destroyed, and the client's connection must outlive that.
  request.pipe(body);
  request.on("error", (error) => body.destroy(error));
  return { body, bytes: () => bytes };
};

/** Passes an answer through as it comes, masks the credential and lets the meter read along. */
const answerTap = (secret: string, meter: Meter) => {
  let bytes = 0;
  const mask = createMask(secret);
  const pass = (chunk: Buffer): Buffer => {
    bytes += chunk.length;
    meter.push(chunk);
    return chunk;
  };
  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, pass(mask.push(chunk))),
    flush: (done) => done(null, pass(mask.end())),
  });
  return { stream, bytes: () => bytes };
};

export const createModelRoute = ({ baseUrl, credential }: Upstream, limits: Limits): ModelRoute => {
  const agent = new Agent({
    // HTTP/1.1 alone: one connection carries one request, so a canceled one is gone when its connection is.
    allowH2: false,
    connect: { timeout: limits.connectMs },
    headersTimeout: limits.modelHeadersMs,
    bodyTimeout: limits.modelIdleMs,
  });
  const prefix = baseUrl.pathname.replace(/\/+$/, "");
  const port = baseUrl.port !== "" ? Number(baseUrl.port) : baseUrl.protocol === "https:" ? 443 : 80;

  const forward: ModelRoute["handle"] = async (request, response, { begin, signal }) => {
    const target = request.url ?? "";
    const asked = { kind: "model" as const, method: "POST", host: baseUrl.hostname, port, path: target.split("?")[0] ?? "" };
    const rule = "the model route";
    const canceled = new AbortController();
    response.on("close", () => canceled.abort());
    const isTooLarge = Number(request.headers["content-length"] ?? 0) > limits.modelBodyBytes;
    if (!isTooLarge) await begin(asked, rule);
    const body = countedBody(request, limits.modelBodyBytes);
    try {
      if (isTooLarge) throw new BodyTooLargeError();
      const answer = await agent.request({
        origin: baseUrl.origin,
        path: prefix + target,
        method: "POST",
        headers: upstreamHeaders(endToEndHeaders(headerPairs(request.rawHeaders)), credential).flat(),
        body: body.body,
        signal: AbortSignal.any([signal, canceled.signal]),
      });
      const headers = endToEndHeaders(responseHeaders(answer.headers));
      const unfit = unfitAnswer(answer.statusCode, headers);
      if (unfit !== null) {
        answer.body.on("error", () => {}).destroy();
        answerError(request, response, { ...unfit, format: "model" });
        return allowed(asked, { rule: `${rule}; ${unfit.message}`, status: unfit.status, bytesUp: body.bytes(), bytesDown: 0 });
      }
      const meter = createMeter(headers.find(([name]) => name === "content-type")?.[1] ?? "");
      const tap = answerTap(credential.secret, meter);
      response.writeHead(
        answer.statusCode,
        headers
          .filter(([name]) => !KEPT_FROM_CLIENT.has(name))
          .flatMap(([name, value]) => [name, maskText(value, credential.secret)]),
      );
      // The beginning of a stream may be long in coming: the client sees at once that it was accepted.
      response.flushHeaders();
      const ending = await pipeline(answer.body, tap.stream, response).then(
        () => "",
        (error) => {
          const reason = reasonOf(error);
          return OUR_END_CODES.has(reason) ? "; cut off before its end" : `; cut off by the model's server (${reason})`;
        },
      );
      return allowed(asked, {
        rule: rule + ending,
        status: answer.statusCode,
        bytesUp: body.bytes(),
        bytesDown: tap.bytes(),
        usage: meter.usage(),
      });
    } catch (error) {
      if (canceled.signal.aborted || signal.aborted || response.destroyed) {
        response.destroy();
        return allowed(asked, { rule: `${rule}; cut off before the answer`, status: null, bytesUp: body.bytes(), bytesDown: 0 });
      }
      const failure = describeFailure(error, limits);
      answerError(request, response, { ...failure, format: "model" });
      return allowed(asked, { rule: `${rule}; ${failure.message}`, status: failure.status, bytesUp: body.bytes(), bytesDown: 0 });
    } finally {
      // Lets go of an answer that could not be passed on; nothing is left of one that was.
      canceled.abort();
      body.body.destroy();
      // An upstream may answer before it read everything; the rest must not stay in the way of the next request.
      request.unpipe().resume();
    }
  };

  return {
    handle: async (request, response, context) => {
      const method = request.method ?? "";
      const path = (request.url ?? "").split("?")[0] ?? "";
      if (method === "POST" && PATHS.has(path) && isPlain(request.url)) return forward(request, response, context);
      const message = `Only POST ${[...PATHS].join(" and POST ")} are served here, not ${printable(method, 32)} ${printable(path, 200)}.`;
      answerError(request, response, { status: 403, message, format: "model" });
      const asked = { kind: "model" as const, method, host: baseUrl.hostname, port, path };
      return refused(asked, "the model route serves messages and count_tokens alone", 403);
    },
    close: () => agent.destroy(),
  };
};
