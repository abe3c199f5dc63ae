import type { Message, RunId } from "@ccr/protocol";
import type { Client } from "../client.ts";
import { describeError, statusOf } from "../errors.ts";
import { retryDelayMs } from "./machine.ts";

/** One page is read as JSON in one go: more would be felt while one scrolls. */
const PAGE = 500;

/** Where the reading of earlier messages has come to: every message up to `lastSeq` was handed over. */
export type EarlierState = { lastSeq: number; failures: number };

/** What of a page is new, in order and without a gap; what cannot follow is asked for again. Pure. */
export const takePage = (
  { lastSeq }: EarlierState,
  page: readonly Message[],
  upTo: number,
): { fresh: readonly Message[]; state: EarlierState } => {
  const fresh: Message[] = [];
  let last = lastSeq;
  for (const message of page) {
    if (message.seq <= last || message.seq > upTo) continue;
    if (message.seq !== last + 1) break;
    fresh.push(message);
    last = message.seq;
  }
  return { fresh, state: { lastSeq: last, failures: 0 } };
};

/** Reads what was said before the page was opened. Does nothing until `start`; goes on where it was when started again. */
export interface EarlierMessages {
  start(): void;
  stop(): void;
  /** Tries again now instead of when the wait is over. */
  wake(): void;
}

/**
 * Hands over the messages from the first to `upTo`, each once and in order, page by page: the next page is on its way while one is worked
 * on. What fails is tried again until it is stopped, or the server says that it can never work.
 */
export const createEarlierMessages = (options: {
  runId: RunId;
  client: Client;
  upTo: number;
  onMessages: (messages: readonly Message[], signal: AbortSignal) => Promise<void>;
  onProblem: (problem: string | null) => void;
  onUnauthorized: () => void;
}): EarlierMessages => {
  const { runId, client, upTo, onMessages, onProblem, onUnauthorized } = options;
  let state: EarlierState = { lastSeq: 0, failures: 0 };
  let stopped: AbortController | null = null;
  let endWait: (() => void) | null = null;

  const wait = (ms: number | null): Promise<void> =>
    new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(resolve, ms);
      endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const readPage = (after: number, signal: AbortSignal): Promise<readonly Message[]> => {
    const page = client.runs.messages.query({ id: runId, after, limit: Math.min(PAGE, upTo - after) }, { signal });
    // It is awaited later, when the page before it was worked on.
    page.catch(() => {});
    return page;
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let coming: Promise<readonly Message[]> | null = null;
    while (state.lastSeq < upTo && !signal.aborted) {
      try {
        const page = await (coming ?? readPage(state.lastSeq, signal));
        coming = null;
        if (signal.aborted) return;
        const { fresh, state: next } = takePage(state, page, upTo);
        if (fresh.length === 0) throw new Error("The server left out messages.");
        if (next.lastSeq < upTo) coming = readPage(next.lastSeq, signal);
        if (state.failures > 0) onProblem(null);
        await onMessages(fresh, signal);
        // A page that was worked on in part is read again.
        if (signal.aborted) return;
        state = next;
      } catch (error) {
        if (signal.aborted) return;
        coming = null;
        const status = statusOf(error);
        if (status === 401) onUnauthorized();
        onProblem(describeError(error));
        state = { ...state, failures: state.failures + 1 };
        const isRefused = status !== null && status >= 400 && status < 500 && status !== 429;
        await wait(isRefused ? null : retryDelayMs(state.failures));
      }
    }
  };

  return {
    start() {
      stopped = new AbortController();
      void run(stopped.signal);
    },
    stop() {
      stopped?.abort();
      endWait?.();
    },
    wake: () => endWait?.(),
  };
};
