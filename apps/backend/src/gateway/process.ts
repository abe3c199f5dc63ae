import { setTimeout as delay } from "node:timers/promises";
import { gatewayClient, gatewayDigest } from "@ccr/gateway";
import { type AuditRecord, CcrError, type Door, type ErrorCode, type GatewayHealth, type RunId } from "@ccr/protocol";
import { type Launched, launchGateway } from "./launch.ts";
import { growingPause, LONGEST_PAUSE_MS } from "./pause.ts";
import { endGateway, endGateways, isGateway } from "./processes.ts";
import type { Gateway } from "./types.ts";

const HEALTHY_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 25;
const ASK_EVERY_MAX_MS = 1000;
/** A gateway that lived this long did not die of how it was started. */
const STEADY_AFTER_MS = 2 * LONGEST_PAUSE_MS;
/** How often the gateway hears of us; it ends by itself when it has heard nothing for long. */
const HEARTBEAT_MS = 1000;
/** On a busy machine an answer takes a moment; whoever takes longer than this is stuck. */
const ANSWER_WITHIN_MS = 5000;
/** Answers that may be missing in a row, from a process that is there, before it is replaced. */
const MISSED_MAX = 10;

export type GatewayProcessOptions = {
  controlSocket: string;
  /** Where the process writes what it has to say; outside of every sandbox's folders. */
  logFile: string;
  /** The whole environment of the process, the model's credential included. */
  environment: Record<string, string>;
  log: (level: "info" | "warn" | "error", text: string) => void;
};

/** Waits, but no longer than the signal lets it. */
const sleep = (ms: number, signal: AbortSignal): Promise<void> => delay(ms, undefined, { signal }).catch(() => {});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const hasCode = (error: unknown, code: ErrorCode): boolean => error instanceof CcrError && error.code === code;

/** It was ended by a signal, and so not by itself. */
class KilledError extends Error {
  override readonly name = "KilledError";
}
const FIRST_TRIES = 3;

/**
 * A door that is to be open, what ends the waiting for it, and the greatest number of a record that was seen of it. `isOpened`: it was opened as
 * it is to be; one that is open may lack a socket that it is to have.
 */
type Wanted = { door: Door; closed: AbortController; seen: number; isOpened: boolean };

const asSeen = ({ door, seen }: Wanted): Door => ({ ...door, auditAfter: seen });

/** The gateway that is there now. `ended` is aborted with it; its reason is a sentence. */
type Current = { pid: number; ended: AbortController; since: number; lastWords: () => Promise<string> };

/**
 * Looks after the gateway, a process of its own life which alone holds the credentials of the model. One that an earlier start left is
 * adopted as it is, with what flows through its doors, if it is the one that would be started now, and replaced if not; one that died is
 * started again. Doors that were open are opened again, each by itself. Resolves when it answers; throws when it does not.
 */
export const startGateway = async (options: GatewayProcessOptions): Promise<Gateway> => {
  const { controlSocket, environment, logFile, log } = options;
  const client = gatewayClient(controlSocket);
  const configuration = await gatewayDigest({ ...environment, GATEWAY_CONTROL: controlSocket });
  const wanted = new Map<RunId, Wanted>();
  const beingOpened = new Set<RunId>();
  const closing = new AbortController();
  const restartPause = growingPause();
  /** Resolved when a gateway is there; replaced when it ends. */
  let up = Promise.withResolvers<void>();

  const health = (): Promise<GatewayHealth> => client.health(AbortSignal.timeout(ANSWER_WITHIN_MS));

  const want = (door: Door): Wanted => {
    const known = wanted.get(door.runId);
    const seen = Math.max(door.auditAfter, known?.seen ?? 0);
    const entry = { door, closed: known?.closed ?? new AbortController(), seen, isOpened: false };
    wanted.set(door.runId, entry);
    return entry;
  };

  /** Starts a process and waits until it serves. Throws, with its last words, when it does not; nothing is left of it then. */
  const launch = async (): Promise<Current> => {
    // One that was about to serve when its starter was killed, or whose socket was taken away.
    await endGateways(controlSocket);
    const launched = await launchGateway({
      environment: { ...environment, GATEWAY_CONTROL: controlSocket, GATEWAY_CONFIGURATION: configuration },
      logFile,
    });
    try {
      await untilItServes(launched);
    } catch (error) {
      launched.child.kill("SIGKILL");
      const said = await launched.lastWords();
      throw new Error(`${reasonOf(error)}${said === "" ? "" : `; it said: ${said}`}`, { cause: error });
    }
    const ended = new AbortController();
    const onEnd = () => ended.abort(launched.ended.reason);
    launched.ended.addEventListener("abort", onEnd);
    if (launched.ended.aborted) onEnd();
    return { pid: launched.child.pid ?? 0, ended, since: performance.now(), lastWords: launched.lastWords };
  };

  const untilItServes = async ({ child, ended }: Launched): Promise<void> => {
    const giveUpAt = performance.now() + HEALTHY_WITHIN_MS;
    for (;;) {
      const answer = await health().catch((error: unknown) => reasonOf(error));
      if (typeof answer !== "string" && answer.pid === child.pid) return;
      if (ended.aborted) {
        const how = `the gateway ${ended.reason}`;
        throw how.includes("(SIG") ? new KilledError(how) : new Error(how);
      }
      if (closing.signal.aborted) throw new Error("the gateway is not needed any more");
      if (performance.now() > giveUpAt)
        throw new Error(`the gateway does not answer${typeof answer === "string" ? ` (${answer})` : ""}`);
      await sleep(LOOK_EVERY_MS, AbortSignal.any([ended, closing.signal]));
    }
  };

  /** What an earlier start left, if it is what would be started now. Everything else that serves this socket is ended. */
  const adopt = async (): Promise<Current | null> => {
    // Nobody there, one that is stuck, or one that speaks another language: all the same.
    const found = await health().catch(() => null);
    if (found?.configuration === configuration) {
      await endGateways(controlSocket, { except: found.pid });
      log("info", `the gateway of an earlier start goes on, with ${found.doors.length} open doors`);
      return { pid: found.pid, ended: new AbortController(), since: performance.now(), lastWords: async () => "" };
    }
    if (found === null) return null;
    const doors = await client.listDoors(AbortSignal.timeout(ANSWER_WITHIN_MS)).catch(() => []);
    log(
      "info",
      `the gateway of an earlier start has another configuration or version, and is replaced with its ${doors.length} open doors`,
    );
    for (const door of doors) want(door);
    await endGateways(controlSocket, { also: found.pid });
    return null;
  };

  /** Sends signs of life until the gateway has ended or we leave it; kills one that is stuck. */
  const watch = async ({ pid, ended }: Current): Promise<void> => {
    for (let missed = 0; ; ) {
      await sleep(HEARTBEAT_MS, AbortSignal.any([ended.signal, closing.signal]));
      if (ended.signal.aborted || closing.signal.aborted) return;
      try {
        const { doors } = await health();
        missed = 0;
        // Closed by itself, or not as it is to be: files of its audit were removed, or a socket has no place, and it could not be opened.
        for (const [runId, { isOpened }] of wanted) if (!isOpened || !doors.includes(runId)) void reopen(runId, ended.signal);
      } catch {
        missed += 1;
        // Seen only here of one that is not our child.
        if (!(await isGateway(pid, controlSocket))) return ended.abort("ended");
        if (missed < MISSED_MAX) continue;
        await endGateway(pid, controlSocket);
        return ended.abort(`did not answer ${missed} times, and was ended`);
      }
    }
  };

  /** Looks after one gateway after the other, until we leave. Never rejects. */
  const keep = async (first: Current): Promise<void> => {
    for (let next: Current | null = first; ; ) {
      if (next !== null) {
        up.resolve();
        void reopenAll(next.ended.signal);
        await watch(next).catch((error: unknown) => next?.ended.abort(`cannot be looked after: ${reasonOf(error)}`));
        if (closing.signal.aborted) return;
        up = Promise.withResolvers();
        if (performance.now() - next.since > STEADY_AFTER_MS) restartPause.reset();
        const said = await next.lastWords().catch(() => "");
        const last = said.split("\n").at(-1) ?? "";
        log("error", `the gateway ${next.ended.signal.reason}${last === "" ? "" : `, after saying: ${last}`}`);
      }
      const pauseMs = restartPause.next();
      // Sandboxes retry their requests meanwhile.
      log("error", `the gateway is started again in ${pauseMs / 1000} s`);
      await sleep(pauseMs, closing.signal);
      if (closing.signal.aborted) return;
      next = await launch().catch((error: unknown) => {
        if (!closing.signal.aborted) log("error", reasonOf(error));
        return null;
      });
    }
  };

  const reopenAll = async (ended: AbortSignal): Promise<void> => {
    await Promise.all([...wanted.keys()].map((runId) => reopen(runId, ended)));
  };

  /** Opens a door as it is to be, or closes it where it is to be closed by now, until nobody has said otherwise meanwhile. */
  const openWanted = async (runId: RunId): Promise<void> => {
    for (;;) {
      const entry = wanted.get(runId);
      if (entry === undefined) return client.closeDoor(runId);
      await client.openDoor(asSeen(entry));
      if (wanted.get(runId) !== entry) continue;
      entry.isOpened = true;
      return;
    }
  };

  /**
   * Opens a door that is to be open and is not, until it is open, closed, or the gateway `ended`. The agent behind a door can put something
   * else in the place of its socket: that is the trouble of this door, and of no other. One that another server has opened under a greater
   * fencing number is that one's, and is wanted here no more. Never rejects.
   */
  const reopen = async (runId: RunId, ended: AbortSignal): Promise<void> => {
    if (beingOpened.has(runId)) return;
    beingOpened.add(runId);
    const pause = growingPause();
    for (let tries = 1; ; tries++) {
      const entry = wanted.get(runId);
      if (entry === undefined || ended.aborted || closing.signal.aborted) break;
      try {
        await openWanted(runId);
        break;
      } catch (error) {
        if (hasCode(error, "forbidden")) {
          giveUp(entry, error);
          break;
        }
        if (tries === 1 && !ended.aborted)
          log("warn", `the door of ${runId} is not open yet, and tried again: ${reasonOf(error)}`);
        await sleep(pause.next(), AbortSignal.any([ended, closing.signal, entry.closed.signal]));
      }
    }
    beingOpened.delete(runId);
  };

  /** The run is another server's by now. */
  const giveUp = (entry: Wanted, error: unknown): void => {
    const { runId } = entry.door;
    if (wanted.get(runId) !== entry) return;
    log("info", `the door of ${runId} is not opened any more: ${reasonOf(error)}`);
    wanted.delete(runId);
    entry.closed.abort(error);
  };

  /**
   * Does something as soon as a gateway is there, and again with the next one when that ends meanwhile. Throws `unavailable` when that takes too
   * long, and at once when we leave, or `until` aborts.
   */
  const whileUp = async <Result>(act: () => Promise<Result>, until: AbortSignal = closing.signal): Promise<Result> => {
    const over = AbortSignal.any([AbortSignal.timeout(HEALTHY_WITHIN_MS), closing.signal, until]);
    const isOver = aborted(over);
    let why = "it is not there";
    const away = (): CcrError => {
      // The run is another server's.
      if (until.reason instanceof CcrError) return until.reason;
      return new CcrError(
        "unavailable",
        over.reason instanceof DOMException && over.reason.name === "TimeoutError"
          ? `The gateway, which is the way out of every sandbox, cannot be used now (${why}). What it said is in ${logFile}.`
          : "The gateway is not asked any more: the door was closed, or the server ends.",
      );
    };
    for (let pauseMs = LOOK_EVERY_MS; ; pauseMs = Math.min(2 * pauseMs, ASK_EVERY_MAX_MS)) {
      await Promise.race([up.promise, isOver]);
      if (over.aborted) throw away();
      try {
        return await Promise.race([
          act(),
          isOver.then(() => {
            throw away();
          }),
        ]);
      } catch (error) {
        if (over.aborted || !hasCode(error, "unavailable")) throw error;
        why = reasonOf(error);
        await sleep(pauseMs, over);
      }
    }
  };

  const close = async (runId: RunId): Promise<void> => {
    const entry = wanted.get(runId);
    wanted.delete(runId);
    entry?.closed.abort();
    await whileUp(async () => {
      // A gateway that was killed left requests without a record: they get theirs when the door is opened, if that still works.
      if (entry !== undefined && !(await health()).doors.includes(runId)) await client.openDoor(asSeen(entry)).catch(() => {});
      await client.closeDoor(runId);
    });
  };

  /** One that somebody killed while it started is no sign of what is wrong with it. */
  const launchAtFirst = async (): Promise<Current> => {
    for (let tries = 1; ; tries++) {
      try {
        return await launch();
      } catch (error) {
        const wasKilled = error instanceof Error && error.cause instanceof KilledError;
        if (!wasKilled || tries >= FIRST_TRIES) throw error;
      }
    }
  };

  const first = await (async () => (await adopt()) ?? (await launchAtFirst()))().catch(async (error: unknown) => {
    closing.abort();
    await client.close();
    throw error;
  });
  const keeping = keep(first);

  let left: Promise<void> | null = null;
  const leave = async (): Promise<void> => {
    closing.abort();
    await keeping;
    const found = await health().catch(() => null);
    if (found?.doors.length === 0) await endGateway(found.pid, controlSocket);
    else if (found !== null) log("info", `the gateway goes on with ${found.doors.length} open doors`);
    await client.close();
  };

  return {
    async open(door) {
      const { runId, fence } = door;
      const known = wanted.get(runId)?.door.fence ?? 0;
      if (fence < known)
        throw new CcrError(
          "forbidden",
          `The door of ${runId} is open with the fencing number ${known}; ${fence} is no longer good.`,
        );
      const entry = want(door);
      try {
        // As it was asked for last: an earlier call that waited for the gateway does not take back what a later one has changed.
        await whileUp(() => openWanted(runId), entry.closed.signal);
      } catch (error) {
        if (hasCode(error, "forbidden")) giveUp(entry, error);
        throw error;
      }
    },
    close,
    async list() {
      const { doors } = await health();
      return [...new Set([...doors, ...wanted.keys()])];
    },
    async *followAudit(runId, { after }, signal): AsyncGenerator<AuditRecord> {
      let last = after;
      const pause = growingPause();
      let isTold = false;
      const recovered = (): void => {
        pause.reset();
        isTold = false;
      };
      // A gateway that was replaced goes on counting where its predecessor stopped.
      for (;;) {
        const entry = wanted.get(runId);
        if (entry === undefined || signal.aborted || closing.signal.aborted) return;
        const startedAt = performance.now();
        try {
          for await (const record of client.followAudit(runId, { after: last }, signal)) {
            recovered();
            last = record.n;
            const now = wanted.get(runId);
            if (now !== undefined) now.seen = Math.max(now.seen, last);
            yield record;
          }
        } catch (error) {
          if (signal.aborted || closing.signal.aborted) return;
          // It was there for long, with nothing to tell.
          if (performance.now() - startedAt > STEADY_AFTER_MS) recovered();
          if (!isTold) log("warn", `the audit of ${runId} is read again: ${reasonOf(error)}`);
          isTold = true;
        }
        await sleep(pause.next(), AbortSignal.any([signal, closing.signal, entry.closed.signal]));
      }
    },
    leave: () => (left ??= leave()),
    [Symbol.asyncDispose]: () => (left ??= leave()),
  };
};
