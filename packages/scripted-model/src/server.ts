import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { choose } from "./choose.ts";
import { httpError } from "./errors.ts";
import { requestId } from "./message.ts";
import { play, sendError, sendJson } from "./play.ts";
import { createRecorder, type RequestRecord } from "./record.ts";
import { estimateInputTokens, MessagesRequest, readFacts } from "./request.ts";
import type { ErrorAnswer, Scenario } from "./scenario.ts";

export interface ScriptedModelOptions {
  scenario: Scenario;
  /** 127.0.0.1 when left out. */
  host?: string;
  /** A free port when left out. */
  port?: number;
  /** Gets each request as a line of JSON, when it ends. */
  recordPath?: string;
  /** How many requests are kept in memory. */
  recordLimit?: number;
  /** When given, every other `x-api-key` or bearer token is answered with 401. */
  credential?: string;
}

export interface ScriptedModel extends AsyncDisposable {
  /** What belongs into `ANTHROPIC_BASE_URL`. */
  readonly url: string;
  readonly port: number;
  /** The newest requests in the order of arrival; a record changes until its `end` is no longer `open`. */
  readonly requests: readonly RequestRecord[];
  /** Requests from now on are answered from this scenario, with no fault used up. */
  setScenario(scenario: Scenario): void;
}

// The real API takes 32 MB: https://docs.claude.com/en/api/errors
const BODY_MAX = 32 * 1024 * 1024;
const COUNTERS_MAX = 10_000;
const RESULT_KEPT = 200;

const flatten = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );

const readBody = async (request: IncomingMessage, record: RequestRecord): Promise<string | null> => {
  const hash = createHash("sha256");
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    record.bodyBytes += part.length;
    hash.update(part);
    if (record.bodyBytes <= BODY_MAX) chunks.push(part);
    else chunks.length = 0; // read on to the end, or the client would see a broken connection instead of the 413
  }
  record.bodySha256 = hash.digest("hex");
  return record.bodyBytes > BODY_MAX ? null : Buffer.concat(chunks).toString();
};

const parseBody = (text: string): { request: MessagesRequest } | { problem: string } => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "The request body is not valid JSON" };
  }
  const parsed = MessagesRequest.safeParse(value);
  if (parsed.success) return { request: parsed.data };
  const [issue] = parsed.error.issues;
  return { problem: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}` };
};

const bearer = (header: string | undefined): string | undefined => /^Bearer (.+)$/i.exec(header ?? "")?.[1];

/** Serves Anthropic's Messages API from a scenario; disposing ends every answer, even one that would never end by itself. */
export const startScriptedModel = async (options: ScriptedModelOptions): Promise<ScriptedModel> => {
  const host = options.host ?? "127.0.0.1";
  const recorder = await createRecorder({ path: options.recordPath, limit: options.recordLimit ?? 1_000 });
  const counters = new Map<string, number>();
  let scenario = options.scenario;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();

  const countFaultOf = (conversation: string) => (place: string, limit: number) => {
    const key = `${conversation} ${place}`;
    const played = counters.get(key) ?? 0;
    if (played >= limit) return false;
    counters.set(key, played + 1);
    const [oldest] = counters.keys();
    if (counters.size > COUNTERS_MAX && oldest !== undefined) counters.delete(oldest);
    return true;
  };

  const answer = async (
    request: IncomingMessage,
    record: RequestRecord,
    stage: { response: ServerResponse; signal: AbortSignal },
  ) => {
    const text = await readBody(request, record);
    const refuse = (error: ErrorAnswer) => sendError(stage, httpError(error, requestId(), new Date()));
    const path = new URL(record.path, "http://localhost").pathname;
    const counting = path === "/v1/messages/count_tokens";
    if (!counting && path !== "/v1/messages") return refuse({ status: 404 });
    if (request.method !== "POST") return refuse({ status: 405, headers: { allow: "POST" } });
    if (options.credential !== undefined) {
      const given = record.headers["x-api-key"] ?? bearer(record.headers.authorization);
      if (given !== options.credential) return refuse({ status: 401 });
    }
    if (text === null) return refuse({ status: 413 });
    const body = parseBody(text);
    if ("problem" in body) return refuse({ status: 400, message: body.problem });
    record.model = body.request.model;
    record.toolsOffered = body.request.tools?.flatMap(({ name }) => name ?? []) ?? [];
    const inputTokens = estimateInputTokens(body.request);
    if (counting) return sendJson(stage, 200, { input_tokens: inputTokens });
    const conversation = record.headers["x-claude-code-session-id"] ?? "";
    const facts = readFacts(body.request);
    record.toolResults = facts.newToolResults.map(({ id, text }) => ({ id, text: text.slice(0, RESULT_KEPT) }));
    const choice = choose(scenario, facts, countFaultOf(conversation));
    record.rule = choice.rule;
    record.matched = choice.matched;
    record.turn = choice.turn;
    return play(choice.play, {
      ...stage,
      stream: body.request.stream === true,
      model: body.request.model,
      inputTokens: scenario.inputTokens ?? inputTokens,
      pace: scenario.pace ?? {},
      calls: (calls) => {
        record.toolCalls = calls;
      },
    });
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const record = recorder.begin({ method: request.method ?? "", path: request.url ?? "", headers: flatten(request.headers) });
    const socket = request.socket;
    const sentBefore = socket.bytesWritten;
    const left = new AbortController();
    response.once("close", () => left.abort());
    const signal = AbortSignal.any([left.signal, stopping.signal]);
    let how: "finished" | "cut" | "left" = "cut";
    try {
      await answer(request, record, { response, signal });
      if (response.writableFinished) how = "finished";
    } catch (error) {
      if (left.signal.aborted || socket.destroyed) how = "left";
      else if (!signal.aborted && !response.headersSent) {
        const message = `The scripted model failed: ${error instanceof Error ? error.message : String(error)}`;
        await sendError({ response, signal }, httpError({ status: 500, message }, requestId(), new Date()));
      }
      response.destroy();
    } finally {
      record.status = response.headersSent ? response.statusCode : null;
      record.sentBytes = socket.bytesWritten - sentBefore;
      recorder.end(record, how);
    }
  };

  const server = createServer((request, response) => {
    const work = handle(request, response)
      .catch(() => {
        response.destroy(); // the client left while it was being told of an error
      })
      .finally(() => running.delete(work));
    running.add(work);
  });
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000; // a client that reuses a connection just as it is closed would see an error that no scenario asked for
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the scripted model has no port");
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    requests: recorder.records,
    setScenario: (next) => {
      scenario = next;
      counters.clear();
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      await Promise.all(running);
      server.closeAllConnections();
      await closed;
      await recorder.close();
    },
  };
};
