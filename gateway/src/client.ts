import { AuditRecord, CcrError, Door, ErrorBody, GatewayHealth, gatewayRoutes, type RunId } from "@ccr/protocol";
import { Agent, type Dispatcher } from "undici";
import { z } from "zod";
import { reasonOf } from "./reason.ts";

/** The gateway's control interface as its user sees it. Every method throws `unavailable` when the gateway does not answer. */
export type GatewayClient = {
  /** Which doors are open, so that a restarted gateway can be told from one that went on. */
  health(signal?: AbortSignal): Promise<GatewayHealth>;
  /** The open doors with their policies and further sockets of now. */
  listDoors(signal?: AbortSignal): Promise<Door[]>;
  /**
   * Opens a door, taking it from wherever it is open, or changes the policy and the further sockets of an open one; idempotent. Throws
   * `forbidden` when it was opened with a greater fencing number.
   */
  openDoor(door: Door): Promise<void>;
  /** Closes a door and cuts what goes through it; idempotent. With `fence`, throws `forbidden` when it was opened with a greater one. */
  closeDoor(runId: RunId, options?: { fence?: number; signal?: AbortSignal }): Promise<void>;
  /**
   * Records with `n` > `after`, each once and in order, then live ones. Ends when the door was closed or the signal aborted; throws
   * `unavailable` when the gateway went away (go on with the last `n`), `not_found` when no door is open.
   */
  followAudit(runId: RunId, options: { after: number }, signal: AbortSignal): AsyncIterable<AuditRecord>;
  close(): Promise<void>;
};

/** Longer than any record can be. */
const MAX_LINE_LENGTH = 64 * 1024;

const readError = async (response: Dispatcher.ResponseData): Promise<CcrError> => {
  const text = await response.body.text().catch(() => "");
  try {
    const { error } = ErrorBody.parse(JSON.parse(text));
    return new CcrError(error.code, error.message);
  } catch {
    return new CcrError("internal", `The gateway answered ${response.statusCode} without saying why.`);
  }
};

const readLines = async function* (body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_LENGTH) throw new CcrError("internal", "The gateway sent a line that is too long to be a record.");
    yield* lines;
  }
};

/** A client of the gateway that serves this control socket; connects when first used, and anew after the gateway was restarted. */
export const gatewayClient = (controlSocketPath: string): GatewayClient => {
  // The followers' connections are silent for as long as the run is.
  const agent = new Agent({ connect: { socketPath: controlSocketPath }, allowH2: false, bodyTimeout: 0 });

  const unavailable = (error: unknown) =>
    new CcrError("unavailable", `The gateway does not answer at ${controlSocketPath} (${reasonOf(error)}).`, { cause: error });

  const call = async (
    { method, path }: (typeof gatewayRoutes)[keyof typeof gatewayRoutes],
    { runId, query = "", body, signal }: { runId?: RunId; query?: string; body?: unknown; signal?: AbortSignal } = {},
  ): Promise<Dispatcher.ResponseData> => {
    const response = await agent
      .request({
        origin: "http://gateway",
        path: path.replace(":runId", runId ?? "") + query,
        method,
        headers: body === undefined ? {} : { "content-type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ?? null,
      })
      .catch((error: unknown) => {
        throw unavailable(error);
      });
    if (response.statusCode >= 400) throw await readError(response);
    return response;
  };

  const readJson = async <S extends z.ZodType>(schema: S, { body }: Dispatcher.ResponseData): Promise<z.output<S>> => {
    const text = await body.text().catch((error: unknown) => {
      throw unavailable(error);
    });
    return schema.parse(JSON.parse(text));
  };

  const followAudit = async function* (
    runId: RunId,
    { after }: { after: number },
    signal: AbortSignal,
  ): AsyncGenerator<AuditRecord> {
    try {
      const response = await call(gatewayRoutes.followAudit, { runId, query: `?after=${after}`, signal });
      for await (const line of readLines(response.body)) yield AuditRecord.parse(JSON.parse(line));
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof CcrError ? error : unavailable(error);
    }
  };

  return {
    health: async (signal) => readJson(GatewayHealth, await call(gatewayRoutes.health, signal === undefined ? {} : { signal })),
    listDoors: async (signal) =>
      readJson(z.array(Door), await call(gatewayRoutes.listDoors, signal === undefined ? {} : { signal })),
    openDoor: async (door) => (await call(gatewayRoutes.openDoor, { runId: door.runId, body: door })).body.dump(),
    closeDoor: async (runId, { fence, signal } = {}) => {
      const query = fence === undefined ? "" : `?fence=${fence}`;
      await (await call(gatewayRoutes.closeDoor, { runId, query, ...(signal === undefined ? {} : { signal }) })).body.dump();
    },
    followAudit,
    close: () => agent.destroy(),
  };
};
