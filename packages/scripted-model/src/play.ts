import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Play } from "./choose.ts";
import { type HttpError, httpError } from "./errors.ts";
import { buildMessage, encodeEvent, type Message, requestId, streamEvents } from "./message.ts";
import type { Failure, Pace, Reply } from "./scenario.ts";

/** Where an answer goes: `signal` aborts when the client has left or the server stops. */
export interface Stage {
  response: ServerResponse;
  signal: AbortSignal;
  stream: boolean;
  model: string;
  inputTokens: number;
  pace: Pace;
  /** Is told what the answer calls, before any of it is sent. */
  calls?: (calls: { id: string; name: string }[]) => void;
}

// The real API sends keep-alives every few seconds; a test need not wait that long for one.
const PING_MS = 500;

const never = (signal: AbortSignal): Promise<void> => delay(2 ** 31 - 1, undefined, { signal });

const pause = async (ms: number | undefined, signal: AbortSignal): Promise<void> => {
  if (ms !== undefined && ms > 0) await delay(ms, undefined, { signal });
};

const send = async (text: string, { response, signal }: Stage): Promise<void> => {
  signal.throwIfAborted();
  if (!response.write(text)) await once(response, "drain", { signal });
};

const finish = async (response: ServerResponse, signal: AbortSignal): Promise<void> => {
  response.end();
  if (!response.writableFinished) await once(response, "finish", { signal });
};

/** Sends a JSON answer and ends it. */
export const sendJson = async (stage: Pick<Stage, "response" | "signal">, status: number, body: unknown): Promise<void> => {
  const text = JSON.stringify(body);
  stage.response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  stage.response.write(text);
  await finish(stage.response, stage.signal);
};

/** Sends an error answer and ends it. */
export const sendError = async (stage: Pick<Stage, "response" | "signal">, error: HttpError): Promise<void> => {
  for (const [name, value] of Object.entries(error.headers)) stage.response.setHeader(name, value);
  await sendJson(stage, error.status, error.body);
};

const openStream = ({ response }: Stage): void => {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  response.flushHeaders();
};

/** Closes the connection; what was sent before arrives. */
const cut = (response: ServerResponse): void => {
  response.socket?.end();
  response.socket?.destroySoon();
};

const fail = async (failure: Failure, stage: Stage): Promise<void> => {
  if ("error" in failure) {
    await pause(failure.delayMs, stage.signal);
    await sendError(stage, httpError(failure.error, requestId(), new Date()));
    return;
  }
  const where = "stall" in failure ? failure.stall : failure.cut;
  if (where !== "nothing") openStream(stage);
  if ("cut" in failure) {
    cut(stage.response);
    return;
  }
  while (where === "pings") {
    await send(encodeEvent({ type: "ping" }), stage);
    await delay(PING_MS, undefined, { signal: stage.signal });
  }
  await never(stage.signal);
};

const breakOff = async (how: NonNullable<Reply["breakOff"]>["how"], stage: Stage): Promise<void> => {
  if (how === "stall") await never(stage.signal);
  else if (how === "cut") cut(stage.response);
  else {
    const { body } = httpError(how, requestId(), new Date());
    await send(encodeEvent({ type: "error", error: body.error, request_id: body.request_id }), stage);
    await finish(stage.response, stage.signal);
  }
};

const streamReply = async (message: Message, reply: Reply, stage: Stage): Promise<void> => {
  openStream(stage);
  let characters = 0;
  for (const piece of streamEvents(message, stage.pace.chunkCharacters)) {
    if (piece.characters > 0) {
      if (reply.breakOff !== undefined && characters >= reply.breakOff.afterCharacters) break;
      if (characters > 0) await pause(stage.pace.betweenChunksMs, stage.signal);
      characters += piece.characters;
    }
    const last = piece.event.type === "message_delta" && reply.breakOff !== undefined;
    if (last) break; // shorter than the break-off's mark: it breaks before its end all the same
    await send(encodeEvent(piece.event), stage);
  }
  if (reply.breakOff === undefined) await finish(stage.response, stage.signal);
  else await breakOff(reply.breakOff.how, stage);
};

const wholeReply = async (message: Message, reply: Reply, stage: Stage): Promise<void> => {
  if (reply.breakOff === undefined) {
    await sendJson(stage, 200, message);
    return;
  }
  const { how, afterCharacters } = reply.breakOff;
  if (typeof how === "object") {
    await sendError(stage, httpError(how, requestId(), new Date()));
    return;
  }
  const text = JSON.stringify(message);
  stage.response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  await send(text.slice(0, Math.min(afterCharacters, text.length - 1)), stage);
  await breakOff(how, stage);
};

/** Plays an answer to its end, as fast as the client reads it; rejects when the client leaves before. */
export const play = async (what: Play, stage: Stage): Promise<void> => {
  stage.response.setHeader("request-id", requestId());
  if (what.kind === "failure") {
    await fail(what.failure, stage);
    return;
  }
  const { reply, blocks } = what;
  const pace = { ...stage.pace, ...reply.pace };
  const message = buildMessage(blocks, {
    model: stage.model,
    inputTokens: stage.inputTokens,
    stopReason: reply.stopReason,
  });
  stage.calls?.(
    message.content.flatMap((block) => (block.type === "tool_use" ? [{ id: block.id ?? "", name: block.name }] : [])),
  );
  await pause(pace.firstByteMs, stage.signal);
  if (stage.stream) await streamReply(message, reply, { ...stage, pace });
  else await wholeReply(message, reply, { ...stage, pace });
};
