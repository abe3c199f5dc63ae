import type { Message, RunId } from "@ccr/protocol";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useApi } from "../../api/client.ts";
import { createLiveMessages } from "../../api/live/live-messages.ts";
import type { Connection } from "../../api/live/machine.ts";
import { useUnreachable } from "../../api/use-unreachable.ts";
import { emptyTranscript, extendTranscript, type Transcript } from "../entries/derive.ts";

export type RunStream = {
  transcript: Transcript;
  /** Every message so far. It only grows; `transcript.lastSeq` tells when it did. */
  messages: readonly Message[];
  connection: Connection;
  problem: string | null;
};

/** A run's messages and what is drawn of them, kept whole while the page is open. */
export const useRunStream = (runId: RunId): RunStream & { retry: () => void } => {
  const { client, onUnauthorized, reachability } = useApi();
  const store = useMemo(() => {
    const messages: Message[] = [];
    const listeners = new Set<() => void>();
    let snapshot: RunStream = { transcript: emptyTranscript(), messages, connection: "loading", problem: null };
    const publish = (change: Partial<RunStream>): void => {
      snapshot = { ...snapshot, ...change };
      for (const listener of listeners) listener();
    };
    const live = createLiveMessages({
      runId,
      client,
      onUnauthorized,
      listener: {
        onMessages(batch) {
          for (const message of batch) messages.push(message);
          publish({ transcript: extendTranscript(snapshot.transcript, batch) });
        },
        onConnection: (connection, problem) => publish({ connection, problem }),
      },
    });
    return {
      live,
      current: () => snapshot,
      subscribe(listener: () => void) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
  }, [runId, client, onUnauthorized]);
  useEffect(() => {
    store.live.start();
    return () => store.live.stop();
  }, [store]);
  const stream = useSyncExternalStore(store.subscribe, store.current);
  const retry = useCallback(() => store.live.wake(), [store]);
  const offline = stream.connection === "offline";
  useEffect(() => {
    if (!offline) return;
    reachability.report(`stream ${runId}`, false);
    return () => reachability.report(`stream ${runId}`, true);
  }, [offline, reachability, runId]);
  // The stream's own next try may be many seconds away when the server is back.
  const serverGone = useUnreachable()?.what === "server";
  useEffect(() => {
    if (serverGone) return retry;
  }, [serverGone, retry]);
  return useMemo(() => ({ ...stream, retry }), [stream, retry]);
};

/** Which entries and outputs a person has opened or closed; what they did not touch is as `usually`. */
export type Folds = { isOpen(key: string, usually?: boolean): boolean; set(key: string, open: boolean): void };

/** Folds that outlive the rows they belong to, which come and go as the list is scrolled. */
export const useFolds = (): Folds => {
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  return useMemo(
    () => ({
      isOpen: (key, usually = false) => chosen.get(key) ?? usually,
      set: (key, open) => setChosen((old) => new Map(old).set(key, open)),
    }),
    [chosen],
  );
};
