import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { CcrError, type Door } from "@ccr/protocol";
import { type Admission, createAdmissions } from "./admission.ts";
import { answerError, answerErrorOnSocket } from "./answers.ts";
import { type AuditLog, type AuditOptions, openAuditLog } from "./audit.ts";
import type { Dial } from "./dial.ts";
import type { EntranceHandlers } from "./entrance.ts";
import { createEntrances } from "./entrances.ts";
import type { Begin, ProxyContext } from "./exchange.ts";
import { headerPairs, headerValues } from "./headers.ts";
import type { Limits } from "./limits.ts";
import type { ModelRoute } from "./model-route.ts";
import { type Asked, type Outcome, refused } from "./outcome.ts";
import type { Standing } from "./ownership.ts";
import { proxyRequest } from "./proxy.ts";
import { reasonOf, sentenceOf } from "./reason.ts";
import { printable } from "./target.ts";
import { openTunnel } from "./tunnel.ts";

export type DoorOptions = {
  modelRoute: ModelRoute;
  modelHosts: ReadonlySet<string>;
  dial: Dial;
  limits: Limits;
  /** Hears, perhaps more than once, that the door is not ours any more. It is of no use then, and to be closed. */
  onLost: (standing: Lost) => void;
} & AuditOptions;

/** `taken`: it is another gateway's now. `missing`: files of its audit were removed. */
export type Lost = Exclude<Standing, "ours">;

/** One run's way out, listening. */
export type OpenDoor = {
  /** As it is now, with the policy and the further sockets that were set last, and with the number of its newest record. */
  door(): Door;
  /**
   * Goes on for whoever opened it again: the policy takes effect for every request that comes from now on, and whoever connects to its sockets
   * comes to it, as soon as there can be sockets at their places. Further sockets that are new are opened. Of one that is not named any more
   * nothing is left then: what went through it was cut, and has its record. False when the door was lost, and is to be closed. Throws when a new
   * socket cannot be opened; but for its fencing number the door is as it was then.
   */
  renew(opened: Pick<Door, "alsoAt" | "policy" | "fence" | "auditAfter">): Promise<boolean>;
  followAudit: AuditLog["follow"];
  /**
   * Stops listening, cuts what goes through, and writes the last records. Throws `disk_full` when they could not be written. Of a door that was
   * lost nothing is written, and nothing is removed that another gateway has put there.
   */
  close(): Promise<void>;
};

/** How often a door looks whether it is still its gateway's, and its sockets in their places. */
const LOOK_MS = 1000;
/** How often refusals without a record of their own are summed up in one. */
const SUMMARY_MS = 60_000;
const AUDIT_RECORD_LIMITS = { method: 32, host: 300, path: 2048, rule: 1000 };

/** Found out when something was about to be let through. */
class LostError extends Error {
  override readonly name = "LostError";
}

/** What is known of a request before it was understood. */
const askedOf = (request: IncomingMessage): Parameters<typeof refused>[0] => {
  const method = request.method ?? "";
  const url = request.url ?? "";
  if (method === "CONNECT") return { kind: "connect", method, host: url, port: 0, path: "" };
  return url.startsWith("/")
    ? { kind: "model", method, host: "", port: 0, path: url.split("?")[0] ?? "" }
    : { kind: "http", method, host: url.split("?")[0] ?? "", port: 0, path: "" };
};

/** What is done about a request that is let in, and how it is answered when it is not. */
type Handling = { exchange: (begin: Begin) => Promise<Outcome>; answer: (status: number, message: string) => void };

const STATUS_OF: Record<Exclude<Admission["status"], "admitted">, number> = { busy: 503, flood: 429 };

/** What Node's parser takes but nobody honest sends; null when there is none of it. */
const findMalformation = (request: IncomingMessage): string | null => {
  if (request.httpVersion !== "1.1" && request.httpVersion !== "1.0") return `HTTP/${request.httpVersion} is not spoken here`;
  const hosts = headerValues(headerPairs(request.rawHeaders), "host").length;
  if (hosts > 1) return "the request has several Host headers";
  return hosts === 0 && request.httpVersion === "1.1" ? "the request has no Host header" : null;
};

/** Status and words for what Node's parser did not take; null when the connection merely broke. */
const describeClientError = (error: unknown): { status: number; rule: string } | null => {
  const reason = reasonOf(error);
  if (reason === "HPE_HEADER_OVERFLOW") return { status: 431, rule: "the request's headers are too large" };
  if (reason === "ERR_HTTP_REQUEST_TIMEOUT") return { status: 408, rule: "the request took too long to arrive" };
  return reason.startsWith("HPE_") ? { status: 400, rule: `the request is not valid HTTP (${reason})` } : null;
};

/**
 * Opens a door: HTTP/1.1 on unix sockets, told apart by the form of the request's target. A path is a request to the model, an
 * absolute `http://` address or CONNECT one for the proxy. Each request gives exactly one audit record when it is over. Through which socket it
 * comes makes no difference. When one of them cannot be opened, it throws and leaves none.
 */
export const openDoor = async (door: Door, options: DoorOptions): Promise<OpenDoor> => {
  const { modelRoute, modelHosts, dial, limits, now, note, onLost } = options;
  const audit = await openAuditLog(door, options);
  const admissions = createAdmissions(limits, now);
  /** Exchanges that have no record yet, each with the signal of its socket. */
  const underWay = new Map<Promise<void>, AbortSignal>();
  /** Requests under way on a connection: CONNECT takes over a connection only when none is. */
  const busy = new WeakMap<Duplex, number>();
  let { alsoAt, policy, fence } = door;

  const legible = <A extends Asked & { rule: string }>(asked: A): A => ({
    ...asked,
    method: printable(asked.method, AUDIT_RECORD_LIMITS.method),
    host: printable(asked.host, AUDIT_RECORD_LIMITS.host),
    path: printable(asked.path, AUDIT_RECORD_LIMITS.path),
    rule: printable(asked.rule, AUDIT_RECORD_LIMITS.rule),
  });
  const append = (outcome: Outcome, startedAt: number, begun: string | null = null) => {
    const at = new Date(startedAt).toISOString();
    audit.append({ at, ...legible(outcome), durationMs: Math.max(0, now() - startedAt) }, begun);
  };
  const record = (outcome: Outcome, startedAt: number, begun: string | null = null) => {
    if (outcome.decision === "allowed") return append(outcome, startedAt, begun);
    const isWritable = audit.isWritable();
    if (isWritable && admissions.mayRecordRefusal()) return append(outcome, startedAt, begun);
    if (!isWritable) admissions.countUnrecorded();
    if (begun !== null) audit.forget(begun);
  };
  const summarise = () => {
    if (!audit.isWritable()) return;
    const count = admissions.takeUnrecorded();
    if (count === 0) return;
    const rule = `${count} more requests were refused without a record each: too many at once, or the audit log could not be written`;
    append(refused({ kind: "http", method: "*", host: "", port: 0, path: "" }, rule, 429), now());
  };

  /** Runs one exchange, from its admission to its record; never rejects. */
  const run = (request: IncomingMessage, { exchange, answer }: Handling, signal: AbortSignal) => {
    const startedAt = now();
    let begun: string | null = null;
    const begin: Begin = async (asked, rule) => {
      try {
        begun = await audit.begin({ at: new Date(startedAt).toISOString(), ...legible({ ...asked, rule }) });
      } catch (error) {
        if (error instanceof CcrError) throw new LostError(error.message);
        throw new CcrError("disk_full", `the gateway could not write down what it begins (${reasonOf(error)})`);
      }
    };
    const { socket } = request;
    const admission = admissions.admit({ underWay: underWay.size, isAuditWritable: audit.isWritable() });
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    const conclude = async (): Promise<void> => {
      if (admission.status === "admitted") {
        const malformation = findMalformation(request);
        if (malformation !== null) answer(400, `The gateway refused this request: ${malformation}.`);
        const outcome = malformation === null ? await exchange(begin) : refused(askedOf(request), malformation, 400);
        record(outcome, startedAt, begun);
        return;
      }
      const status = STATUS_OF[admission.status];
      // Held back, so that a flood takes no more of the gateway than its share; not when too many are held back already.
      if (admission.status === "flood" && underWay.size < limits.exchanges) {
        await delay(limits.floodDelayMs, undefined, { signal }).catch(() => {});
      }
      answer(status, admission.message);
      record(refused(askedOf(request), admission.message, status), startedAt);
    };
    const concluded = conclude()
      .catch((error: unknown) => {
        if (error instanceof CcrError && error.code === "disk_full") {
          answer(503, "The gateway cannot write its audit log, and lets nothing through unrecorded. Try again later.");
          record(refused(askedOf(request), error.message, 503), startedAt);
          return;
        }
        if (error instanceof LostError) {
          answer(503, "The gateway has lost this door, and lets nothing through. Try again.");
          void lookOnce();
          return;
        }
        // A defect of ours: the client gets an answer, the record names the error's kind, and the door stays open.
        answer(500, "The gateway failed at this request.");
        record(refused(askedOf(request), `the gateway failed (${reasonOf(error)})`, 500), startedAt, begun);
      })
      .finally(() => {
        underWay.delete(concluded);
        busy.set(socket, (busy.get(socket) ?? 1) - 1);
      });
    underWay.set(concluded, signal);
  };

  /** Resolves when everything that came through sockets which are closed has its record. */
  const concludeCut = async (): Promise<void> => {
    await Promise.all([...underWay].flatMap(([concluded, signal]) => (signal.aborted ? [concluded] : [])));
  };

  const proxyContext = (begin: Begin, signal: AbortSignal): ProxyContext => ({
    policy,
    modelHosts,
    dial,
    limits,
    begin,
    signal,
  });

  const onRequest: EntranceHandlers["onRequest"] = ({ request, response }, signal) => {
    const isModel = request.url?.startsWith("/") ?? false;
    const answer = (status: number, message: string) =>
      answerError(request, response, { status, message, format: isModel ? "model" : "proxy" });
    const exchange = async (begin: Begin): Promise<Outcome> => {
      if (!isModel) return proxyRequest(request, response, proxyContext(begin, signal));
      if (policy.model !== false) return modelRoute.handle(request, response, { begin, signal });
      answer(403, "The model cannot be reached from here.");
      return refused(askedOf(request), "the policy of this door has no way to the model", 403);
    };
    run(request, { exchange, answer }, signal);
  };

  const onConnect: EntranceHandlers["onConnect"] = ({ request, socket, head }, signal) => {
    socket.on("error", () => {}); // Node took its own listener away; the end is seen as "close".
    const isPipelined = (busy.get(socket) ?? 0) > 0;
    const exchange = async (begin: Begin): Promise<Outcome> => {
      if (!isPipelined) return openTunnel(request, socket, head, proxyContext(begin, signal));
      // The answer to an earlier request would be mixed into the tunnel.
      socket.destroy();
      return refused(askedOf(request), "CONNECT was sent before the answer to an earlier request had come", null);
    };
    const answer = (status: number, message: string) => answerErrorOnSocket(socket, status, message);
    run(request, { exchange, answer }, signal);
  };

  const onClientError = (error: unknown, socket: Duplex) => {
    const described = describeClientError(error);
    if (described === null || (busy.get(socket) ?? 0) > 0) {
      // Its request, if there is one, sees the end and makes the record.
      socket.destroy();
      return;
    }
    answerErrorOnSocket(socket, described.status, `The gateway refused this request: ${described.rule}.`);
    record(refused({ kind: "http", method: "?", host: "", port: 0, path: "" }, described.rule, described.status), now());
  };

  const entrances = createEntrances(limits, {
    onRequest,
    onConnect,
    onClientError,
    onDrop: admissions.countUnrecorded,
    isBusy: (socket) => (busy.get(socket) ?? 0) > 0,
  });

  let troubles = new Set<string>();
  /** Hears all that is wrong now, and tells what was not wrong before. */
  const tell = (texts: readonly string[]): void => {
    for (const text of texts) if (!troubles.has(text)) note(`the door of ${door.runId} is not as it should be: ${text}`);
    troubles = new Set(texts);
  };
  const heal = async (): Promise<void> => tell((await entrances.heal()).map(sentenceOf));
  /** Never rejects. A door that cannot be put right now is looked at again. */
  const look = async (): Promise<void> => {
    try {
      const standing = await audit.look();
      if (standing !== "ours") return onLost(standing);
    } catch (error) {
      // How it is with the sockets was not looked at.
      return tell([...troubles, sentenceOf(error)]);
    }
    await heal();
  };
  let looking: Promise<void> | null = null;
  const lookOnce = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
  };

  const shut = async (): Promise<void> => {
    await entrances.listenAt([]);
    await concludeCut();
    summarise();
    await audit.close();
  };

  try {
    await entrances.listenAt([door.socketPath, ...alsoAt]);
  } catch (error) {
    await shut();
    throw error;
  }

  const looks = setInterval(() => void lookOnce(), LOOK_MS);
  looks.unref();
  const summaries = setInterval(summarise, SUMMARY_MS);
  summaries.unref();

  return {
    door: () => ({ ...door, alsoAt, policy, fence, auditAfter: audit.lastNumber() }),
    renew: async (opened) => {
      await audit.renew(opened);
      // Asked after the greater number was written down: whoever took the door before that is seen.
      if ((await audit.look()) !== "ours") return false;
      fence = Math.max(fence, opened.fence);
      await entrances.listenAt([door.socketPath, ...opened.alsoAt]);
      ({ alsoAt, policy } = opened);
      await concludeCut();
      await heal();
      return true;
    },
    followAudit: audit.follow,
    close: async () => {
      clearInterval(summaries);
      clearInterval(looks);
      await looking;
      await shut();
    },
  };
};
