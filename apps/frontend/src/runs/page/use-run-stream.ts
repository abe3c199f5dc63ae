import type { RunId } from "@ccr/protocol";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useApi } from "../../api/client.ts";
import { useUnreachable } from "../../api/use-unreachable.ts";
import type { LeftPlace } from "../transcript/use-place.ts";
import { createRunStore, type RunStream } from "./run-store.ts";

export type { RunStream } from "./run-store.ts";

/** What a person can ask of the stream: see `RunStore`; and where one has left its transcript. */
export type StreamActions = { retry: () => void; lookAt: (seq: number | null) => void; left: LeftPlace };

/** A run's messages and what is drawn of them, kept whole while the page is open. `lastSeq`: the newest one when it was opened. */
export const useRunStream = (runId: RunId, lastSeq: number): RunStream & StreamActions => {
  const { client, onUnauthorized, reachability } = useApi();
  // What comes later is followed: only the first answer says where to begin.
  const [openedAt] = useState(lastSeq);
  const store = useMemo(
    () => createRunStore({ runId, lastSeq: openedAt, client, onUnauthorized }),
    [runId, openedAt, client, onUnauthorized],
  );
  useEffect(() => {
    store.start();
    return () => store.stop();
  }, [store]);
  const stream = useSyncExternalStore(store.subscribe, store.current);
  const offline = stream.connection === "offline";
  useEffect(() => {
    if (!offline) return;
    reachability.report(`stream ${runId}`, false);
    return () => reachability.report(`stream ${runId}`, true);
  }, [offline, reachability, runId]);
  // The stream's own next try may be many seconds away when the server is back.
  const serverGone = useUnreachable()?.what === "server";
  useEffect(() => {
    if (serverGone) return () => store.retry();
  }, [serverGone, store]);
  // A stream over which nothing comes looks like one over which nothing is said.
  const connection = serverGone && stream.connection === "live" ? "reconnecting" : stream.connection;
  const [left] = useState<LeftPlace>({ place: undefined });
  return useMemo(
    () => ({ ...stream, connection, retry: store.retry, lookAt: store.lookAt, left }),
    [stream, connection, store, left],
  );
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
