import { isFinal, type Message } from "@ccr/protocol";

/*
 * How a page keeps a run's transcript whole, as a pure machine. There is one way to heal, used at the start and after every trouble
 * (clean close, lost connection, gap in the numbers, wake-up after sleep): read what is missing page by page, then follow the stream
 * from there.
 *
 *   catching_up --all read--> connecting --opened--> live --closed/lost--> waiting --timer--> catching_up
 *        \--final message read--> ended          live --gap/woke--> catching_up
 */

export type LivePhase =
  | { name: "idle" | "catching_up" | "connecting" | "waiting" | "ended" }
  | { name: "live"; since: number }
  /** The server said that this can never work: no such run, not logged in. */
  | { name: "refused"; status: number };

export type LiveState = {
  phase: LivePhase;
  /** Every message up to this one was accepted. */
  lastSeq: number;
  /** Tries since the stream last worked. */
  failures: number;
  /** The run will get no message after `endSeq`. */
  endSeq: number | null;
  /** Where the last gap was met, so that one that cannot be filled does not make a loop. */
  gapAt: number | null;
  problem: string | null;
};

export type LiveEvent =
  | { type: "started" }
  | { type: "page_read"; messages: readonly Message[]; complete: boolean }
  | { type: "page_failed"; status: number | null; problem: string }
  | { type: "opened"; at: number }
  | { type: "received"; message: Message }
  /** The server ended the stream as one ends a finished answer. */
  | { type: "closed"; at: number }
  | { type: "lost"; at: number; problem: string }
  | { type: "timer" }
  /** The page was asleep or the network came back: nothing that is open can be trusted. */
  | { type: "woke" };

export type LiveEffect =
  | { type: "accept"; messages: readonly Message[] }
  | { type: "read"; after: number }
  | { type: "connect"; after: number }
  | { type: "disconnect" }
  | { type: "wait"; ms: number };

export type LiveStep = { state: LiveState; effects: readonly LiveEffect[] };

export const initialLiveState: LiveState = {
  phase: { name: "idle" },
  lastSeq: 0,
  failures: 0,
  endSeq: null,
  gapAt: null,
  problem: null,
};

/** A stream that held this long worked: what closed it is no reason to wait longer each time. */
const HEALTHY_MS = 10_000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 15_000;
const FAILURES_ONCE_OPEN = 2;
/** From so many failures in a row on, the page says that it is offline. */
const OFFLINE_FAILURES = 4;

/** How long to wait before the try that follows `failures` tries. */
export const retryDelayMs = (failures: number): number => Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.max(0, failures - 1));

const accept = (state: LiveState, messages: readonly Message[]): LiveStep => {
  const fresh: Message[] = [];
  let { lastSeq, endSeq } = state;
  for (const message of messages) {
    if (message.seq <= lastSeq) continue;
    fresh.push(message);
    lastSeq = message.seq;
    if (message.source === "runner" && message.body.type === "status" && isFinal(message.body.status)) endSeq = message.seq;
  }
  return { state: { ...state, lastSeq, endSeq }, effects: fresh.length === 0 ? [] : [{ type: "accept", messages: fresh }] };
};

const isComplete = (state: LiveState): boolean => state.endSeq !== null && state.lastSeq >= state.endSeq;

const read = (state: LiveState): LiveStep => ({
  state: { ...state, phase: { name: "catching_up" } },
  effects: [{ type: "read", after: state.lastSeq }],
});

const end = (state: LiveState): LiveState => ({ ...state, phase: { name: "ended" }, failures: 0, problem: null });

const retryLater = (state: LiveState, problem: string | null): LiveStep => {
  const failures = state.failures + 1;
  return {
    state: { ...state, phase: { name: "waiting" }, failures, problem },
    effects: [{ type: "wait", ms: retryDelayMs(failures) }],
  };
};

const afterStream = (state: LiveState, at: number, problem: string | null): LiveStep => {
  if (isComplete(state)) return { state: end(state), effects: [] };
  const worked = state.phase.name === "live" && at - state.phase.since >= HEALTHY_MS;
  return retryLater(worked ? { ...state, failures: 0 } : state, problem);
};

const isStreaming = (state: LiveState): boolean => state.phase.name === "connecting" || state.phase.name === "live";

const refusals: readonly number[] = [400, 401, 403, 404];

/** The next state, and what to do for it, in order. Events that do not fit the phase (late answers, timers that lost) change nothing. */
export const reduceLive = (state: LiveState, event: LiveEvent): LiveStep => {
  const unchanged: LiveStep = { state, effects: [] };
  const { name } = state.phase;
  switch (event.type) {
    case "started":
      return name === "idle" ? read(state) : unchanged;
    case "page_read": {
      if (name !== "catching_up") return unchanged;
      const accepted = accept(state, event.messages);
      if (isComplete(accepted.state)) return { state: end(accepted.state), effects: accepted.effects };
      const goOn: LiveEffect = { type: event.complete ? "connect" : "read", after: accepted.state.lastSeq };
      const phase: LivePhase = { name: event.complete ? "connecting" : "catching_up" };
      return { state: { ...accepted.state, phase }, effects: [...accepted.effects, goOn] };
    }
    case "page_failed":
      if (name !== "catching_up") return unchanged;
      if (event.status !== null && refusals.includes(event.status)) {
        return { state: { ...state, phase: { name: "refused", status: event.status }, problem: event.problem }, effects: [] };
      }
      return retryLater(state, event.problem);
    case "opened":
      if (name !== "connecting") return unchanged;
      // A stream that opens is worth trying again soon, even where something ends it at once each time.
      return {
        state: { ...state, phase: { name: "live", since: event.at }, failures: Math.min(state.failures, FAILURES_ONCE_OPEN) },
        effects: [],
      };
    case "received": {
      if (!isStreaming(state) || event.message.seq <= state.lastSeq) return unchanged;
      if (event.message.seq === state.lastSeq + 1) {
        return accept({ ...state, failures: 0, problem: null, gapAt: null }, [event.message]);
      }
      const known = state.gapAt === state.lastSeq;
      const next = known ? retryLater(state, "The stream leaves out messages.") : read({ ...state, gapAt: state.lastSeq });
      return { state: next.state, effects: [{ type: "disconnect" }, ...next.effects] };
    }
    case "closed":
      return isStreaming(state) ? afterStream(state, event.at, null) : unchanged;
    case "lost": {
      if (!isStreaming(state)) return unchanged;
      const next = afterStream(state, event.at, event.problem);
      return { state: next.state, effects: [{ type: "disconnect" }, ...next.effects] };
    }
    case "timer":
      return name === "waiting" ? read(state) : unchanged;
    case "woke": {
      // What was refused may be allowed by now; whoever asks for it is answered.
      if (name === "waiting" || name === "refused") return read(state);
      if (!isStreaming(state)) return unchanged;
      const next = read(state);
      return { state: next.state, effects: [{ type: "disconnect" }, ...next.effects] };
    }
  }
};

/** The connection in one word for people. */
export type Connection = "loading" | "live" | "reconnecting" | "offline" | "ended" | "refused";

/** What the page says about its connection: a first trouble is "reconnecting", a lasting one "offline". */
export const connectionOf = (state: LiveState): Connection => {
  switch (state.phase.name) {
    case "live":
    case "ended":
    case "refused":
      return state.phase.name;
    case "idle":
    case "catching_up":
    case "connecting":
    case "waiting":
      if (state.failures >= OFFLINE_FAILURES) return "offline";
      return state.failures > 0 || state.phase.name === "waiting" || state.gapAt !== null ? "reconnecting" : "loading";
  }
};
