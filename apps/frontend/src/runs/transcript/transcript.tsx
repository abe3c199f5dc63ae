import { isFinal, type Run } from "@ccr/protocol";
import { useLocation } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, Hourglass } from "lucide-react";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Button } from "../../ui/button.tsx";
import { EmptyState, LoadError, Skeleton, WaitingForServer } from "../../ui/feedback.tsx";
import { plural } from "../../ui/format.ts";
import { findEntryPath, flattenEntries } from "../entries/rows.ts";
import { type Folds, type RunStream, useFolds } from "../page/use-run-stream.ts";
import { EntryRow, estimateEntryHeight } from "./entry-row.tsx";

/** Closer to the end than this, the list goes on to follow it. */
const END_PX = 60;

const seqOfHash = (hash: string): number | null => {
  const match = /^m(\d{1,15})$/.exec(hash);
  return match === null ? null : Number(match[1]);
};

/** A run's transcript: follows its end until one scrolls away or opens something, and goes to the message that the address names. */
export const TranscriptView = ({ run, stream, onRetry }: { run: Run; stream: RunStream; onRetry: () => void }) => {
  const { transcript, connection } = stream;
  const { entries } = transcript;
  const scroller = useRef<HTMLElement>(null);
  const chosen = useFolds();
  const [held, setHeld] = useState(false);
  const [away, setAway] = useState(false);
  const [seenSeq, setSeenSeq] = useState(0);
  const target = seqOfHash(useLocation({ select: ({ hash }) => hash }));

  // What a person opens stays where it is, also at the end of the list.
  const folds = useMemo<Folds>(
    () => ({
      isOpen: chosen.isOpen,
      set(key, open) {
        setHeld(true);
        chosen.set(key, open);
      },
    }),
    [chosen],
  );
  const rows = useMemo(() => flattenEntries(entries, (key) => chosen.isOpen(key)), [entries, chosen]);
  const runEnded = isFinal(run.status) || (transcript.status !== null && isFinal(transcript.status));

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.entry.key ?? index,
    estimateSize: (index) => {
      const row = rows[index];
      return row === undefined ? 32 : estimateEntryHeight(row.entry);
    },
    overscan: 8,
    paddingStart: 12,
    paddingEnd: 24,
    anchorTo: held ? "start" : "end",
    followOnAppend: !held,
    scrollEndThreshold: END_PX,
    onChange: (instance) => {
      const end = instance.isAtEnd(END_PX);
      setAway(!end);
    },
  });

  const opened = useRef(false);
  useLayoutEffect(() => {
    if (opened.current || rows.length === 0) return;
    opened.current = true;
    if (target === null) virtualizer.scrollToEnd();
  }, [rows.length, target, virtualizer]);

  // The message that the address names may still be on its way.
  const reached = useRef<number | null>(null);
  useEffect(() => {
    if (target === null || reached.current === target || transcript.lastSeq < target) return;
    const path = findEntryPath(entries, target);
    const entry = path?.at(-1);
    if (path === null || entry === undefined) return;
    const closed = path.slice(0, -1).filter(({ key }) => !chosen.isOpen(key));
    setHeld(true);
    for (const { key } of closed) chosen.set(key, true);
    if (closed.length > 0) return;
    const index = rows.findIndex((row) => row.entry.key === entry.key);
    if (index === -1) return;
    reached.current = target;
    virtualizer.scrollToIndex(index, { align: "start" });
  }, [target, entries, rows, chosen, transcript.lastSeq, virtualizer]);

  useEffect(() => {
    if (!away) setSeenSeq(transcript.lastSeq);
  }, [away, transcript.lastSeq]);

  const jump = (): void => {
    setHeld(false);
    virtualizer.scrollToEnd();
  };

  if (rows.length === 0) {
    if (connection === "offline") return <WaitingForServer onRetry={onRetry} />;
    if (connection === "refused") {
      return (
        <LoadError
          error={new Error(stream.problem ?? "The transcript cannot be read.")}
          onRetry={onRetry}
          title="The transcript cannot be read now"
        />
      );
    }
    if (connection === "loading" || connection === "reconnecting") return <Skeleton rows={6} />;
    return (
      <EmptyState icon={Hourglass} title={runEnded ? "Nothing was said" : "Nothing yet"}>
        {runEnded ? "The run ended before anything happened in it." : "The first message comes when the run starts."}
      </EmptyState>
    );
  }
  const unseen = transcript.lastSeq - seenSeq;
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <section
        ref={scroller}
        role="log"
        aria-live="off"
        aria-label="Transcript"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        onWheel={(event) => {
          if (event.deltaY > 0 && !away) setHeld(false);
        }}
        className="inset-ring-focus min-h-0 flex-1 overflow-y-auto overscroll-contain px-3 [overflow-anchor:none] sm:px-5"
      >
        <div className="relative mx-auto max-w-4xl" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ key, index, start }) => {
            const row = rows[index];
            return (
              row !== undefined && (
                <div
                  key={key}
                  data-index={index}
                  ref={virtualizer.measureElement}
                  className="absolute top-0 left-0 w-full"
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <EntryRow
                    entry={row.entry}
                    depth={row.depth}
                    by={row.by}
                    folds={folds}
                    runEnded={runEnded || row.isOver}
                    targeted={target !== null && row.entry.seq === target}
                  />
                </div>
              )
            );
          })}
        </div>
      </section>
      {(away || (held && !runEnded)) && (
        <Button size="sm" className="absolute bottom-4 left-1/2 -translate-x-1/2 rounded-full! shadow-float" onClick={jump}>
          <ArrowDown aria-hidden className="size-3.5" />
          {away && unseen > 0 && !runEnded ? `${plural(unseen, "new message")}` : "Jump to latest"}
        </Button>
      )}
    </div>
  );
};
