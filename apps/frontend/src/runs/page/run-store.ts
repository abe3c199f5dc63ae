import type { Message, RunId } from "@ccr/protocol";
import type { Client } from "../../api/client.ts";
import { createEarlierMessages } from "../../api/live/earlier-messages.ts";
import { inSlices } from "../../api/live/idle.ts";
import { createLiveMessages } from "../../api/live/live-messages.ts";
import type { Connection } from "../../api/live/machine.ts";
import { emptyTranscript, extendTranscript, type Transcript } from "../entries/derive.ts";
import type { Entry } from "../entries/entry.ts";
import { createMiddleFilter } from "../entries/from-middle.ts";
import { createSlimmer } from "../entries/slim.ts";

/** So many of the newest messages are shown at once, while those before are read. */
const TAIL = 300;
/** Fewer messages than this are simply read from the first one on. */
const WHOLE_AT_ONCE = 900;
/** So many messages before and after a place in the middle are shown while the rest is read. */
const AROUND = 150;
/** Reading everything would keep the end from being drawn: it begins so long after that is there, and at the latest so long after the page. */
const DRAWN_WITHIN_MS = 250;
const THERE_WITHIN_MS = 1500;
/** So many messages are added at once: few enough for half of a frame. */
const CHUNK = 20;

/** What the list shows: `from` and `to` are the first and last message of a part in the middle; null: from the first, to the newest. */
export type Shown = { entries: readonly Entry[]; from: number | null; to: number | null };

export type RunStream = {
  /** What is known of the run. As long as there is an `earlier`, of its newest messages alone. */
  transcript: Transcript;
  shown: Shown;
  /** How far the reading of what was said before is; null: every message is in `transcript`. */
  earlier: { read: number; upTo: number; problem: string | null } | null;
  connection: Connection;
  problem: string | null;
};

/** Holds a run's transcript whole while it is started, and tells whoever listens of each change. */
export interface RunStore {
  start(): void;
  stop(): void;
  current(): RunStream;
  subscribe(listener: () => void): () => void;
  /** Tries again now instead of when a wait is over. */
  retry(): void;
  /** Shows what stands around a message, also while it is not in the transcript yet; null: the newest. */
  lookAt(seq: number | null): void;
}

const chunksOf = function* (messages: readonly Message[]): Generator<readonly Message[]> {
  for (let start = 0; start < messages.length; start += CHUNK) yield messages.slice(start, start + CHUNK);
};

/**
 * The end of a long transcript is shown first: its newest messages are read and followed as a transcript of their own. Meanwhile everything
 * from the first message on is read in pages and derived in slices; when that has caught up it takes the place of the first one.
 */
export const createRunStore = (options: {
  runId: RunId;
  /** The run's newest message, as far as it is known. */
  lastSeq: number;
  client: Client;
  onUnauthorized: () => void;
}): RunStore => {
  const { runId, lastSeq, client, onUnauthorized } = options;
  const base = lastSeq < WHOLE_AT_ONCE ? 0 : lastSeq - TAIL;
  const slim = createSlimmer();
  const isWhole = createMiddleFilter();
  const listeners = new Set<() => void>();
  let whole = emptyTranscript();
  /** Followed messages that `whole` does not have yet. */
  let kept: Message[] = [];
  let around: Shown | null = null;
  let asked: number | null = null;
  let snapshot: RunStream = {
    // Two that grow side by side: what one has taken over is not the other's.
    transcript: base === 0 ? whole : emptyTranscript(),
    shown: { entries: [], from: null, to: null },
    earlier: base === 0 ? null : { read: 0, upTo: base, problem: null },
    connection: "loading",
    problem: null,
  };
  const publish = (change: Partial<Omit<RunStream, "shown">>): void => {
    const next = { ...snapshot, ...change };
    const { entries } = next.transcript;
    const from = next.earlier === null ? null : base + 1;
    const latest = { entries, from, to: null };
    const isSame = entries === snapshot.shown.entries && from === snapshot.shown.from && snapshot.shown.to === null;
    snapshot = { ...next, shown: next.earlier === null ? latest : (around ?? (isSame ? snapshot.shown : latest)) };
    for (const listener of listeners) listener();
  };

  const add = (batch: readonly Message[]): void => {
    if (snapshot.earlier === null) {
      whole = extendTranscript(whole, batch);
      publish({ transcript: whole });
      return;
    }
    for (const message of batch) kept.push(message);
    // The filter sees every message once and in order.
    publish({ transcript: extendTranscript(snapshot.transcript, batch.filter(isWhole)) });
  };

  const live = createLiveMessages({
    runId,
    client,
    after: base,
    onUnauthorized,
    listener: {
      onMessages: (batch) => {
        add(batch.map(slim));
        readEarlierIn(DRAWN_WITHIN_MS);
      },
      onConnection: (connection, problem) => publish({ connection, problem }),
    },
  });

  /** Adds to `whole` what was followed meanwhile, until it has everything. */
  const catchUp = async (signal: AbortSignal): Promise<void> => {
    while (kept.length > 0 && !signal.aborted) {
      const now = kept;
      kept = [];
      await inSlices(chunksOf(now), (chunk) => (whole = extendTranscript(whole, chunk)), signal);
      // What was left out by an early end comes again.
      if (signal.aborted) kept = [...now, ...kept];
    }
    if (signal.aborted) return;
    around = null;
    publish({ transcript: whole, earlier: null });
  };

  const earlier = createEarlierMessages({
    runId,
    client,
    upTo: base,
    onUnauthorized,
    onProblem: (problem) => {
      if (snapshot.earlier !== null) publish({ earlier: { ...snapshot.earlier, problem } });
    },
    onMessages: async (messages, signal) => {
      await inSlices(chunksOf(messages), (chunk) => (whole = extendTranscript(whole, chunk.map(slim))), signal);
      if (signal.aborted || snapshot.earlier === null) return;
      publish({ earlier: { read: whole.lastSeq, upTo: base, problem: null } });
      if (whole.lastSeq >= base) await catchUp(signal);
    },
  });

  let due: { at: number; timer: ReturnType<typeof setTimeout> } | null = null;
  /** The soonest that was asked for counts; once begun, it goes on by itself. */
  const readEarlierIn = (ms: number): void => {
    const at = performance.now() + ms;
    if (snapshot.earlier === null || (due !== null && due.at <= at)) return;
    clearTimeout(due?.timer);
    due = { at, timer: setTimeout(() => earlier.start(), ms) };
  };

  const isShown = (seq: number): boolean =>
    snapshot.earlier === null || seq > base || (around !== null && seq >= (around.from ?? 1) && seq <= (around.to ?? 0));

  const readAround = async (seq: number): Promise<void> => {
    const after = Math.max(0, seq - AROUND);
    const messages = await client.runs.messages.query({ id: runId, after, limit: 2 * AROUND });
    const last = messages.at(-1);
    if (asked !== seq || snapshot.earlier === null || last === undefined) return;
    const { entries } = extendTranscript(emptyTranscript(), messages.filter(createMiddleFilter()));
    around = { entries, from: after + 1, to: last.seq };
    publish({});
  };

  return {
    current: () => snapshot,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start() {
      live.start();
      readEarlierIn(THERE_WITHIN_MS);
    },
    stop() {
      live.stop();
      clearTimeout(due?.timer);
      due = null;
      earlier.stop();
    },
    retry() {
      live.wake();
      earlier.wake();
    },
    lookAt(seq) {
      asked = seq;
      if (seq !== null && !isShown(seq)) {
        // All of it is on its way as well, and shows the place when this fails.
        readAround(seq).catch(() => {});
      } else if (around !== null && (seq === null || seq > base)) {
        around = null;
        publish({});
      }
    },
  };
};
