import type { CodeViewAnnotationArgs, CodeViewHandle, CodeViewReactOptions } from "@pierre/diffs/react";
import { CodeView } from "@pierre/diffs/react";
import { Plus } from "lucide-react";
import { type ReactNode, type Ref, useCallback, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react";
import { CommentBox } from "./comment-box.tsx";
import type { Place } from "./comments.ts";
import { createItems, type DiffItem, type FileState, type Note, placeAt, sideOf, toFileDiff } from "./items.ts";
import { HEAD_PX, INSIDE, LINE_PX, LOOK, THEME } from "./look.ts";
import type { ShownFile } from "./shown.ts";
import type { ViewOptions } from "./view-options.ts";
import type { Chosen, LineInView } from "./walk.ts";

/** Files with more lines on one side are shown without colours: for so many they would take seconds and much memory. */
export const COLORED_LINES = 5000;

const SCROLL_EVENTS = ["wheel", "touchmove", "pointerdown"] as const;
const SCROLL_KEYS: ReadonlySet<string> = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

export type DiffViewHandle = {
  toFile: (id: string) => void;
  toLine: (id: string, at: Place, align: "center" | "nearest") => void;
  /** The lines that are drawn in view, from the top. */
  inView: () => readonly LineInView[];
  focus: () => void;
};

type Props = {
  ref: Ref<DiffViewHandle>;
  files: readonly ShownFile[];
  options: ViewOptions;
  stateOf: (id: string) => FileState;
  head: (shown: ShownFile) => ReactNode;
  chosen: Chosen | null;
  /** Null where nothing can be said about lines. */
  onChoose: ((chosen: Chosen | null, isDone: boolean) => void) | null;
  /** A file came to the top of what is in view. */
  onTop: (id: string) => void;
  /** The person scrolls. */
  onScrolled: () => void;
};

/** Finds lines by what the viewer writes at their numbers. */
const linesInView = (scroller: HTMLElement, items: readonly { id: string; element: HTMLElement }[]): LineInView[] => {
  const { top, bottom } = scroller.getBoundingClientRect();
  return items.flatMap(({ id, element }) =>
    [...(element.shadowRoot?.querySelectorAll<HTMLElement>("[data-column-number]") ?? [])].flatMap((number) => {
      const box = number.getBoundingClientRect();
      const line = Number(number.dataset.columnNumber);
      if (box.top < top + HEAD_PX - 1 || box.bottom > bottom || !Number.isInteger(line)) return [];
      return [{ id, at: placeAt(number.dataset.lineType === "change-deletion" ? "deletions" : "additions", line) }];
    }),
  );
};

type Range = { start: number; end: number; side?: "deletions" | "additions"; endSide?: "deletions" | "additions" };

const toChosen = (id: string, { start, side, end, endSide }: Range): Chosen => ({
  id,
  one: placeAt(side, start),
  other: placeAt(endSide ?? side, end),
});

const useItems = (files: readonly ShownFile[], isBlind: boolean, stateOf: (id: string) => FileState): DiffItem[] => {
  const [build] = useState(createItems);
  const diffs = useMemo(
    () =>
      files.flatMap((shown) => {
        const fileDiff = toFileDiff(shown, isBlind);
        return fileDiff === null ? [] : [{ id: shown.id, fileDiff }];
      }),
    [files, isBlind],
  );
  return useMemo(() => build(diffs, stateOf), [build, diffs, stateOf]);
};

/** Long lines are scrolled by keyboard, too, in whatever browser: the file can be focused while its lines are not wrapped. */
const letFocus = (node: HTMLElement, isScrolled: boolean): void => {
  for (const code of (node.shadowRoot ?? node).querySelectorAll("code")) {
    if (isScrolled) code.setAttribute("tabindex", "0");
    else code.removeAttribute("tabindex");
  }
};

/** The changes of all files one below the other, of which only what is in view is drawn. */
export const DiffView = ({ ref, files, options, stateOf, head, chosen, onChoose, onTop, onScrolled }: Props) => {
  const view = useRef<CodeViewHandle<Note, undefined>>(null);
  const scroller = useRef<HTMLDivElement | null>(null);
  const items = useItems(files, options.isBlind, stateOf);
  const byId = useMemo(() => new Map(files.map((shown) => [shown.id, shown])), [files]);

  useImperativeHandle(
    ref,
    () => ({
      toFile: (id) => view.current?.scrollTo({ type: "item", id, align: "start", behavior: "instant" }),
      toLine: (id, at, align) =>
        view.current?.scrollTo({ type: "line", id, lineNumber: at.line, side: sideOf(at), align, behavior: "instant" }),
      inView: () =>
        scroller.current === null ? [] : linesInView(scroller.current, view.current?.getInstance()?.getRenderedItems() ?? []),
      focus: () => scroller.current?.focus({ preventScroll: true }),
    }),
    [],
  );
  // The library has no place for the name and role of what scrolls.
  const setScroller = useCallback((element: HTMLDivElement | null) => {
    scroller.current = element;
    element?.setAttribute("role", "region");
    element?.setAttribute("aria-label", "Changes to the files");
    element?.setAttribute("tabindex", "0");
  }, []);

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onKey = ({ key }: KeyboardEvent): void => {
      if (SCROLL_KEYS.has(key)) onScrolled();
    };
    // The viewer scrolls, too: what it did cannot be told from what a person did by the scroll alone.
    for (const event of SCROLL_EVENTS) element.addEventListener(event, onScrolled, { passive: true });
    element.addEventListener("keydown", onKey);
    return () => {
      for (const event of SCROLL_EVENTS) element.removeEventListener(event, onScrolled);
      element.removeEventListener("keydown", onKey);
    };
  }, [onScrolled]);

  const viewOptions = useMemo<CodeViewReactOptions<Note, undefined>>(
    () => ({
      theme: THEME,
      unsafeCSS: INSIDE,
      diffStyle: options.layout,
      overflow: options.isWrapped ? "wrap" : "scroll",
      diffIndicators: "classic",
      hunkSeparators: "metadata",
      tokenizeMaxLength: COLORED_LINES,
      stickyHeaders: true,
      itemMetrics: { lineHeight: LINE_PX, diffHeaderHeight: HEAD_PX },
      layout: { paddingTop: 0, paddingBottom: 24, gap: 8 },
      lineHoverHighlight: onChoose === null ? "disabled" : "number",
      enableLineSelection: onChoose !== null,
      enableGutterUtility: onChoose !== null,
      onPostRender: (node: HTMLElement) => letFocus(node, !options.isWrapped),
      onLineSelectionEnd: (range: Range | null, context: { item: { id: string } }) =>
        onChoose?.(range === null ? null : toChosen(context.item.id, range), true),
    }),
    [options, onChoose],
  );
  const selectedLines = useMemo(
    () =>
      chosen === null
        ? null
        : {
            id: chosen.id,
            range: {
              start: chosen.one.line,
              side: sideOf(chosen.one),
              end: chosen.other.line,
              endSide: sideOf(chosen.other),
            },
          },
    [chosen],
  );
  return (
    <CodeView<Note, undefined>
      ref={view}
      containerRef={setScroller}
      items={items}
      options={viewOptions}
      selectedLines={selectedLines}
      className="min-h-0 min-w-0 flex-1 overflow-auto bg-surface outline-none [overflow-anchor:none]"
      style={LOOK}
      onScroll={(top, viewer) => {
        const drawn = viewer.getRenderedItems();
        const first = drawn.findLast(({ id }) => (viewer.getTopForItem(id) ?? 0) <= top + HEAD_PX) ?? drawn[0];
        if (first !== undefined) onTop(first.id);
      }}
      renderCustomHeader={({ id }) => {
        const shown = byId.get(id);
        return shown === undefined ? null : head(shown);
      }}
      renderAnnotation={(...[{ metadata }]: CodeViewAnnotationArgs<Note>) => <CommentBox id={metadata.id} />}
      // Only a sign: what is pressed is the number below it, from which one can also draw over several lines.
      renderGutterUtility={() => (
        <span aria-hidden className="pointer-events-none grid size-5 place-items-center rounded bg-accent text-on-accent">
          <Plus className="size-3.5" />
        </span>
      )}
    />
  );
};
