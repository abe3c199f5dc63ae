import { isFinal, type Run } from "@ccr/protocol";
import { useLocation } from "@tanstack/react-router";
import { ArrowDown } from "lucide-react";
import {
  type KeyboardEvent,
  type ReactNode,
  type SyntheticEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { QuietPart } from "../../ui/boundary.tsx";
import { Button } from "../../ui/button.tsx";
import { plural } from "../../ui/format.ts";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { CHOICES, type Choice } from "../entries/choices.ts";
import type { Entry } from "../entries/entry.ts";
import { findEntryPath, indexOfRow, listRows, noRows, type Row, type RowChoice } from "../entries/rows.ts";
import { isTrouble } from "../entries/trouble.ts";
import { type Found, pick, stepFrom } from "../entries/walk.ts";
import type { Folds, RunStream, StreamActions } from "../page/use-run-stream.ts";
import { estimateEntryHeight } from "./entry-row.tsx";
import { FindBar } from "./find-bar.tsx";
import { clearMarks, mark, showInside } from "./highlight.ts";
import { EarlierLine, GoingTo } from "./notices.tsx";
import { RowBox } from "./row-box.tsx";
import { TranscriptToolbar } from "./toolbar.tsx";
import { useFind } from "./use-find.ts";
import { useTranscriptFolds } from "./use-folds.ts";
import { usePlace } from "./use-place.ts";
import { useRowWindow } from "./use-row-window.ts";

const EntryMessages = lazyPart(() => import("../raw/entry-messages.tsx").then(({ EntryMessages }) => EntryMessages));

/** Where a row is put that one is led to: what comes before it shows where one is. */
const LED_TO_PX = 96;
/** While rows pass under the pointer nothing is pointed at. */
const PASSING_MS = 150;

const seqOfHash = (hash: string): number | null => {
  const match = /^m(\d{1,15})$/.exec(hash);
  return match === null ? null : Number(match[1]);
};

const isTyping = (target: EventTarget): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

const estimateRow = ({ entry }: Row): number => estimateEntryHeight(entry);

type Led = { key: string; top: number };
type Wanted = { seq: number; top: number; isPlace: boolean };

/**
 * The list of a transcript that has entries, and what leads through it. It follows the end until one scrolls away or opens something, goes to
 * the message that the address names, and is where one left it after a reload.
 */
export const TranscriptList = ({ run, stream, tail }: { run: Run; stream: RunStream & StreamActions; tail: ReactNode }) => {
  const { transcript, shown, earlier, lookAt } = stream;
  const { entries } = shown;
  const runEnded = isFinal(run.status) || (transcript.status !== null && isFinal(transcript.status));
  const target = seqOfHash(useLocation({ select: ({ hash }) => hash }));
  const visit = useLocation({ select: ({ state }) => state.__TSR_key ?? "" });

  const chosen = useTranscriptFolds();
  const [choice, setChoice] = useState<Choice>("all");
  const rowChoice = useMemo<RowChoice>(
    () => ({ isOpen: (key) => chosen.isOpen(key), only: CHOICES[choice].only }),
    [chosen, choice],
  );
  const listed = useRef(noRows);
  const list = useMemo(() => listRows(listed.current, entries, rowChoice), [entries, rowChoice]);
  useEffect(() => {
    listed.current = list;
  }, [list]);
  const { rows } = list;
  const { window: rowWindow, range, refs } = useRowWindow(rows, estimateRow);

  // What a person opens stays where it is, also at the end of the list.
  const folds = useMemo<Folds>(
    () => ({
      isOpen: chosen.isOpen,
      set(key, open) {
        rowWindow.hold();
        chosen.set(key, open);
      },
    }),
    [chosen, rowWindow],
  );

  // Leading somewhere takes two drawings: first what it is inside of is opened, then it is gone to.
  const led = useRef<Led | null>(null);
  const [current, setCurrent] = useState<string | null>(null);
  const lead = useCallback(
    ({ entry, above }: Found, { top = LED_TO_PX, isPlace = false } = {}) => {
      const { only } = CHOICES[choice];
      if (only !== null && !only(entry)) setChoice("all");
      led.current = { key: entry.key, top };
      rowWindow.hold();
      chosen.reveal(above.map(({ key }) => key));
      // Where one has been anyway needs no sign.
      if (!isPlace) setCurrent(entry.key);
    },
    [choice, chosen, rowWindow],
  );
  useLayoutEffect(() => {
    if (led.current === null) return;
    const index = indexOfRow(rows, led.current.key, 0);
    if (index === -1) return;
    rowWindow.show(index, led.current.top);
    led.current = null;
  });

  // Where the page was left comes before what the address names, unless that is something else than then.
  const now = useCallback(() => rowWindow.placeOf(), [rowWindow]);
  const before = usePlace(run.id, { visit, target, left: stream.left }, now);
  const wanted = useRef<Wanted | null>(null);
  const [goingTo, setGoingTo] = useState<number | null>(null);
  const visited = useRef<string | null>(null);
  useEffect(() => {
    const id = `${visit}#${target ?? ""}`;
    if (visited.current !== id) {
      const isFirst = visited.current === null;
      visited.current = id;
      if (isFirst && before !== undefined) wanted.current = before === null ? null : { ...before, isPlace: true };
      else if (target !== null) wanted.current = { seq: target, top: LED_TO_PX, isPlace: false };
    }
    if (wanted.current === null) return;
    const { seq, top, isPlace } = wanted.current;
    const isHere = seq >= (shown.from ?? 1) && (shown.to === null || seq <= shown.to) && transcript.lastSeq >= seq;
    if (!isHere) {
      // It may still be on its way.
      if (goingTo !== seq) {
        setGoingTo(seq);
        lookAt(seq);
      }
      return;
    }
    const path = findEntryPath(entries, seq);
    const entry = path?.at(-1);
    wanted.current = null;
    setGoingTo(null);
    if (path !== null && entry !== undefined) lead({ entry, above: path.slice(0, -1) }, { top, isPlace });
  }, [visit, target, before, shown, entries, transcript.lastSeq, lookAt, lead, goingTo]);

  const isAway = rowWindow.isAway || shown.to !== null;
  // Noted when the end goes out of sight or comes back, not with every message: each note draws the list once more.
  const [left, setLeft] = useState({ isAway: false, atSeq: 0 });
  if (left.isAway !== isAway) setLeft({ isAway, atSeq: transcript.lastSeq });
  const jump = (): void => {
    wanted.current = null;
    setGoingTo(null);
    lookAt(null);
    setCurrent(null);
    rowWindow.follow();
  };

  // What leads from one to the next begins where one is: at what was gone to last, as long as it is seen.
  const hereKey = (): string | null => {
    if (rowWindow.isFollowing) return rows.at(-1)?.entry.key ?? null;
    const index = current === null ? -1 : indexOfRow(rows, current, range.first);
    const key = index !== -1 && rowWindow.isSeen(index) ? current : rows[rowWindow.topIndex()]?.entry.key;
    return key ?? null;
  };

  const toError = (by: 1 | -1): void => {
    const { found, before: count, at } = pick(entries, isTrouble, hereKey());
    const next = found[stepFrom({ count: found.length, before: count, at }, by) ?? -1];
    if (next === undefined) return;
    lead(next);
    chosen.reveal([...next.above.map(({ key }) => key), next.entry.key]);
  };

  const [find, setFind] = useState<{ query: string; focusedAt: number } | null>(null);
  const finding = useFind(entries, find?.query ?? "");
  const foundAt = current === null ? -1 : finding.found.findIndex(({ entry }) => entry.key === current);
  const centred = useRef<string | null>(null);
  const toFound = useCallback(
    (found: Found) => {
      centred.current = null;
      lead(found);
      chosen.reveal([...found.above.map(({ key }) => key), found.entry.key]);
    },
    [lead, chosen],
  );
  const stepFound = (by: 1 | -1): void => {
    const place = pick(entries, ({ key }) => finding.keys.has(key), hereKey());
    const next = place.found[stepFrom({ count: place.found.length, before: place.before, at: place.at }, by) ?? -1];
    if (next !== undefined) toFound(next);
  };
  // The first match from here on is shown by itself, once for each text.
  const shownPattern = useRef<RegExp | null>(null);
  useEffect(() => {
    if (finding.pattern === null || finding.isSearching || shownPattern.current === finding.pattern) return;
    if (finding.found.length === 0) return;
    shownPattern.current = finding.pattern;
    // At the end of a run that is followed, that is the last one.
    const place = pick(entries, ({ key }) => finding.keys.has(key), hereKey());
    const first = place.found[place.before] ?? (rowWindow.isFollowing ? place.found.at(-1) : place.found[0]);
    if (first !== undefined) toFound(first);
  });
  useLayoutEffect(() => {
    const { scroller, block } = refs;
    if (finding.pattern === null || block.current === null || scroller.current === null) {
      clearMarks();
      return;
    }
    const elements = [...block.current.children].filter(
      (element): element is HTMLElement => element instanceof HTMLElement && finding.keys.has(element.dataset.key ?? ""),
    );
    const element = elements.find(({ dataset }) => dataset.key === current) ?? null;
    const first = mark(elements, finding.pattern, element);
    if (first === null || centred.current === current) return;
    centred.current = current;
    showInside(first, scroller.current);
    const box = scroller.current.getBoundingClientRect();
    const { top, bottom } = first.getBoundingClientRect();
    if (top < box.top + 24 || bottom > box.bottom - 48) rowWindow.shift(top - box.top - box.height / 3);
  });
  useEffect(() => clearMarks, []);

  const openFind = useCallback(() => setFind((old) => ({ query: old?.query ?? "", focusedAt: (old?.focusedAt ?? 0) + 1 })), []);
  const closeFind = (): void => {
    setFind(null);
    refs.scroller.current?.focus({ preventScroll: true });
  };
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent): void => {
      if (event.key.toLowerCase() !== "f" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      const { activeElement } = document;
      // Elsewhere on the page the browser's own search is what one wants.
      const isHere = activeElement === null || activeElement.contains(panel.current) || panel.current?.contains(activeElement);
      if (isHere !== true) return;
      event.preventDefault();
      openFind();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [openFind]);

  const toFocus = useRef<string | null>(null);
  const stepRow = (by: 1 | -1): void => {
    const key = hereKey();
    const here = key === null ? -1 : indexOfRow(rows, key, range.first);
    const row = rows[key === current ? here + by : here];
    if (row === undefined) return;
    const index = key === current ? here + by : here;
    setCurrent(row.entry.key);
    toFocus.current = row.entry.key;
    if (!rowWindow.isSeen(index)) rowWindow.show(index, LED_TO_PX);
  };
  // So that the next Tab leads into the entry.
  useLayoutEffect(() => {
    if (toFocus.current === null) return;
    const row = [...(refs.block.current?.children ?? [])].find(
      (element): element is HTMLElement => element instanceof HTMLElement && element.dataset.key === toFocus.current,
    );
    if (row === undefined) return;
    toFocus.current = null;
    row.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const keys: Record<string, () => void> = {
      "/": openFind,
      n: () => toError(1),
      p: () => toError(-1),
      j: () => stepRow(1),
      k: () => stepRow(-1),
    };
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  const [pointed, setPointed] = useState<string | null>(null);
  const [raw, setRaw] = useState<Entry | null>(null);
  const toasts = useToasts();
  const rawFailed = (error: unknown): void => {
    setRaw(null);
    toasts.error(error);
  };
  const movedAt = useRef(0);
  const point = (event: SyntheticEvent): void => {
    const row = event.target instanceof Element ? event.target.closest("[data-key]") : null;
    const key = row instanceof HTMLElement ? (row.dataset.key ?? null) : null;
    if (event.type !== "focus" && performance.now() - movedAt.current < PASSING_MS) return;
    if (key !== pointed) setPointed(key);
  };

  const unseen = transcript.lastSeq - left.atSeq;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its keys are those of the list and of what leads through it
    <div ref={panel} onKeyDown={onKeyDown} className="relative flex min-h-0 flex-1 flex-col">
      <TranscriptToolbar
        runId={run.id}
        choice={choice}
        onChoose={setChoice}
        entries={entries}
        onError={toError}
        onFind={openFind}
        onAll={(open) => {
          rowWindow.hold();
          chosen.setAll(open);
        }}
        find={
          find === null ? null : (
            <FindBar
              query={find.query}
              onQuery={(query) => setFind({ ...find, query })}
              count={finding.found.length}
              place={foundAt + 1}
              isSearching={finding.isSearching}
              isPart={earlier !== null}
              onStep={stepFound}
              onClose={closeFind}
              focusedAt={find.focusedAt}
            />
          )
        }
      />
      <section
        ref={refs.scroller}
        role="log"
        aria-live="off"
        aria-label="Transcript"
        data-last-seq={transcript.lastSeq}
        data-whole={earlier === null ? "" : undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={() => {
          movedAt.current = performance.now();
        }}
        onWheel={(event) => {
          if (event.deltaY > 0 && !rowWindow.isAway && !rowWindow.isFollowing && shown.to === null) rowWindow.follow();
        }}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
        onFocus={point}
        className="inset-ring-focus relative min-h-0 flex-1 overflow-y-auto overscroll-contain px-3 [overflow-anchor:none] sm:px-5"
      >
        <div className="pt-3">{earlier !== null && <EarlierLine earlier={earlier} onRetry={stream.retry} />}</div>
        <div ref={refs.inner} className="relative mx-auto max-w-4xl overflow-y-clip">
          <div ref={refs.block} className="absolute inset-x-0 top-0">
            {rows.slice(range.first, range.end).map((row, place) => {
              const { key } = row.entry;
              return (
                <RowBox
                  key={key}
                  row={row}
                  index={range.first + place}
                  folds={folds}
                  runEnded={runEnded}
                  targeted={target !== null && row.entry.seq === target}
                  isCurrent={key === current && key !== String(target)}
                  isPointed={key === pointed}
                  onRaw={setRaw}
                />
              );
            })}
          </div>
        </div>
        <div className="mx-auto max-w-4xl pb-6">
          {rows.length === 0 && (
            <div className="flex flex-col items-center gap-3 py-8 text-ink-soft">
              <p>Nothing of this kind{runEnded ? "" : " so far"}.</p>
              <Button onClick={() => setChoice("all")}>Show all</Button>
            </div>
          )}
          {shown.to === null && tail}
        </div>
      </section>
      {goingTo !== null && (
        <GoingTo seq={goingTo} isMissing={goingTo > transcript.lastSeq && earlier === null} runEnded={runEnded} />
      )}
      {(isAway || (!rowWindow.isFollowing && !runEnded)) && (
        <Button size="sm" className="absolute bottom-4 left-1/2 -translate-x-1/2 rounded-full! shadow-float" onClick={jump}>
          <ArrowDown aria-hidden className="size-3.5" />
          {isAway && unseen > 0 && !runEnded ? plural(unseen, "new message") : "Jump to latest"}
        </Button>
      )}
      {raw !== null && (
        <QuietPart name="raw messages" onFailed={rawFailed}>
          <EntryMessages runId={run.id} entry={raw} onClose={() => setRaw(null)} />
        </QuietPart>
      )}
    </div>
  );
};
