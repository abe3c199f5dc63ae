import type { Message, RunId } from "@ccr/protocol";
import type { Client } from "../client.ts";
import { describeError, statusOf } from "../errors.ts";
import { onWake } from "../waking.ts";
import { type Connection, connectionOf, initialLiveState, type LiveEffect, type LiveEvent, reduceLive } from "./machine.ts";

/** So many messages are asked for at once: the most that the server gives. */
const PAGE = 1000;
const HIDDEN_FLUSH_MS = 250;
/** What comes in quick succession is shown together: nobody sees single messages of a flood, and each drawing costs the same. */
const FLUSH_EVERY_MS = 100;

export type LiveListener = {
  /** New messages, each once and in order; called at most some times a second. */
  onMessages(messages: readonly Message[]): void;
  onConnection(connection: Connection, problem: string | null): void;
};

/** Follows a run's messages and heals whatever happens to the connection. Does nothing until `start`; may be started again after `stop`. */
export interface LiveMessages {
  start(): void;
  stop(): void;
  /** Tries again now instead of when the wait is over. */
  wake(): void;
}

/** Calls back with a frame that comes soon; out of sight there are no frames, and a timer takes their place. */
const scheduleFlush = (flush: () => void, afterMs: number): (() => void) => {
  let frame = 0;
  const atFrame = (): void => {
    if (document.hidden) flush();
    else frame = requestAnimationFrame(flush);
  };
  const timer = setTimeout(atFrame, document.hidden ? HIDDEN_FLUSH_MS : afterMs);
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
};

export const createLiveMessages = (options: {
  runId: RunId;
  client: Client;
  /** Messages up to this one are none of its business. */
  after: number;
  listener: LiveListener;
  /** Called when the server says that nobody is logged in. */
  onUnauthorized: () => void;
}): LiveMessages => {
  const { runId, client, after, listener, onUnauthorized } = options;
  let state = { ...initialLiveState, lastSeq: after };
  let pending: Message[] = [];
  let cancelFlush: (() => void) | null = null;
  let flushedAt = 0;
  let closeStream: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Answers that belong to an earlier start are not listened to. */
  let round = 0;
  let stopListening: (() => void) | null = null;

  const flush = (): void => {
    cancelFlush = null;
    if (pending.length === 0) return;
    const messages = pending;
    pending = [];
    flushedAt = performance.now();
    listener.onMessages(messages);
  };

  const disconnect = (): void => {
    closeStream?.();
    closeStream = null;
  };

  const read = (after: number): void => {
    const mine = round;
    client.runs.messages.query({ id: runId, after, limit: PAGE }).then(
      (messages) => {
        if (mine === round) dispatch({ type: "page_read", messages, complete: messages.length < PAGE });
      },
      (error: unknown) => {
        if (mine !== round) return;
        const status = statusOf(error);
        if (status === 401) onUnauthorized();
        dispatch({ type: "page_failed", status, problem: describeError(error) });
      },
    );
  };

  const connect = (after: number): void => {
    disconnect();
    let open = true;
    const send = (event: LiveEvent): void => {
      if (open) dispatch(event);
    };
    const lost = (error: unknown): void => send({ type: "lost", at: Date.now(), problem: describeError(error) });
    const subscription = client.runs.onMessage.subscribe(
      { id: runId, lastEventId: String(after) },
      {
        onStarted: () => send({ type: "opened", at: Date.now() }),
        onData: ({ data }) => send({ type: "received", message: data }),
        onComplete: () => send({ type: "closed", at: Date.now() }),
        onError: lost,
        // The browser would connect again by itself; healing has one way only, which also reads what was missed.
        onConnectionStateChange: ({ state: connection, error }) => {
          if (connection === "connecting" && error !== null) lost(error);
        },
      },
    );
    closeStream = () => {
      open = false;
      subscription.unsubscribe();
    };
  };

  const perform = (effect: LiveEffect): void => {
    switch (effect.type) {
      case "accept":
        for (const message of effect.messages) pending.push(message);
        cancelFlush ??= scheduleFlush(flush, Math.max(0, flushedAt + FLUSH_EVERY_MS - performance.now()));
        return;
      case "read":
        clearTimeout(timer);
        read(effect.after);
        return;
      case "connect":
        connect(effect.after);
        return;
      case "disconnect":
        disconnect();
        return;
      case "wait":
        clearTimeout(timer);
        timer = setTimeout(() => dispatch({ type: "timer" }), effect.ms);
    }
  };

  const dispatch = (event: LiveEvent): void => {
    const before = connectionOf(state);
    const step = reduceLive(state, event);
    const { problem } = state;
    state = step.state;
    for (const effect of step.effects) perform(effect);
    const now = connectionOf(state);
    if (now !== before || problem !== state.problem) listener.onConnection(now, state.problem);
  };

  const wake = (): void => dispatch({ type: "woke" });

  return {
    wake,
    start() {
      stopListening = onWake(wake);
      dispatch({ type: "started" });
    },
    stop() {
      round += 1;
      stopListening?.();
      clearTimeout(timer);
      disconnect();
      cancelFlush?.();
      cancelFlush = null;
      flush();
      if (state.phase.name !== "ended") state = { ...state, phase: { name: "idle" }, failures: 0, gapAt: null };
    },
  };
};
