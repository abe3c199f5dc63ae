import { indexOfRow, indexOfSeq, type Row } from "../entries/rows.ts";
import { RowHeights } from "./row-heights.ts";

/** Closer to the end than this, the list goes on to follow it. */
const END_PX = 60;
/** So far beyond what is seen rows are there, and so far they are made when they are not. */
const NEAR_PX = 400;
const FAR_PX = 800;
/** The same while the end is followed: rows go away upwards, and are seldom looked for there. */
const FOLLOWED_PX = 150;
/** Without a frame of its own yet, the list is taken to be so high. */
const FIRST_VIEW_PX = 900;
/** Without an event for so long, a person's scrolling has come to its end. */
const STILL_MS = 150;
/** A scroll so soon after a person did something is the person's. */
const GESTURE_MS = 500;
const GESTURES = ["wheel", "touchstart", "touchmove", "pointerdown", "pointermove", "keydown"] as const;
/** Closer to the beginning or end of the list than this, nothing is put off. */
const EDGE_PX = 300;

export type RowRange = { first: number; end: number };

/** Where one is in the list: a row, and how far its beginning is below the top of what is seen. */
export type RowPlace = { seq: number; key: string; top: number };

type Frame = { scroller: HTMLElement; inner: HTMLElement; block: HTMLElement };

const shapeOf = ({ clientHeight, scrollHeight }: HTMLElement): string => `${clientHeight} of ${scrollHeight}`;

/**
 * Which of many rows of unknown heights are drawn, and where. It either follows the end or holds a place: whatever is added, measured,
 * folded or resized, the row at that place stays where one sees it. Setting the scroll position would break off a person's own scrolling:
 * meanwhile the rows are drawn beside their places by a drift, which is made good when it has come to its end.
 */
export class RowWindow {
  rows: readonly Row[] = [];
  range: RowRange = { first: 0, end: 0 };
  /** The end is out of sight. */
  isAway = false;
  isFollowing = true;
  private readonly heights = new RowHeights();
  private readonly measured = new Map<string, number>();
  private place: (RowPlace & { index: number }) | null = null;
  private frame: Frame | null = null;
  /** Where this put the list last: an event that tells of it is no wish of a person. */
  private ownTop = 0;
  private lastTop = 0;
  /** How much was seen of how much, when this put the list where it is. */
  private shape = "";
  private gestureAt = Number.NEGATIVE_INFINITY;
  private drift = 0;
  private still: ReturnType<typeof setTimeout> | undefined;
  private readonly estimate: (row: Row) => number;
  private readonly changed: () => void;

  /** `changed` is called when other rows are to be drawn, or what is said of the place is not true any more. */
  constructor(options: { estimate: (row: Row) => number; changed: () => void }) {
    this.estimate = options.estimate;
    this.changed = options.changed;
  }

  /** The rows from now on, and which of them to draw. May be called while drawing: it touches nothing on the page. */
  sync(rows: readonly Row[]): RowRange {
    if (rows === this.rows) return this.range;
    const before = this.rows;
    this.rows = rows;
    let same = 0;
    while (same < rows.length && same < before.length && rows[same]?.entry.key === before[same]?.entry.key) same += 1;
    this.heights.truncate(same);
    for (const row of rows.slice(same)) this.heights.append(this.measured.get(row.entry.key) ?? this.estimate(row));
    if (this.place !== null) this.place = this.replaced(this.place);
    this.range = this.rangeAt(this.wantedOffset(), this.range);
    return this.range;
  }

  attach(frame: Frame): () => void {
    this.frame = frame;
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(frame.scroller);
    // Rows come and go; what is inside the block is looked at as a whole, and by each of its rows when one changes.
    observer.observe(frame.block);
    const others = [...frame.scroller.children].filter((child) => child !== frame.inner);
    for (const other of others) observer.observe(other);
    const onScroll = (): void => this.scrolled();
    frame.scroller.addEventListener("scroll", onScroll, { passive: true });
    const onGesture = (): void => {
      this.gestureAt = performance.now();
    };
    for (const gesture of GESTURES) frame.scroller.addEventListener(gesture, onGesture, { passive: true });
    return () => {
      observer.disconnect();
      for (const gesture of GESTURES) frame.scroller.removeEventListener(gesture, onGesture);
      frame.scroller.removeEventListener("scroll", onScroll);
      this.endScrolling();
      this.frame = null;
    };
  }

  /** Measures what was drawn, and puts everything in its place. To be called after each drawing. */
  settle(): void {
    const { frame } = this;
    if (frame === null) return;
    const { scroller, inner, block } = frame;
    // What moved the list since, such as a focus that goes on, is told of later.
    if (Math.abs(scroller.scrollTop - this.lastTop) >= 1) this.note(frame);
    for (const element of block.children) {
      if (!(element instanceof HTMLElement)) continue;
      const index = Number(element.dataset.index);
      const key = this.rows[index]?.entry.key;
      if (key === undefined || key !== element.dataset.key) continue;
      const { height } = element.getBoundingClientRect();
      this.measured.set(key, height);
      this.heights.set(index, height);
    }
    const height = `${this.heights.total}px`;
    if (inner.style.height !== height) inner.style.height = height;
    const now = scroller.scrollTop;
    const most = scroller.scrollHeight - scroller.clientHeight;
    const wanted = this.place === null ? now : this.wantedOffset() + inner.offsetTop;
    const isPutOff = !this.isFollowing && this.still !== undefined && now > EDGE_PX && now < most - EDGE_PX;
    this.drift = isPutOff ? now - wanted : 0;
    const transform = `translateY(${this.heights.offsetOf(this.range.first) + this.drift}px)`;
    if (block.style.transform !== transform) block.style.transform = transform;
    if (!isPutOff) {
      const top = this.isFollowing ? most : Math.max(0, wanted);
      if (Math.abs(now - top) > 0.5) scroller.scrollTop = top;
      this.ownTop = scroller.scrollTop;
      this.lastTop = this.ownTop;
      this.shape = shapeOf(scroller);
    }
    this.look();
  }

  /** Follows the end from now on. */
  follow(): void {
    this.isFollowing = true;
    this.place = null;
    this.endScrolling();
    this.range = this.rangeAt(this.wantedOffset(), this.range);
    this.settle();
    this.changed();
  }

  /** Stays where it is, also when that is the end. */
  hold(): void {
    if (!this.isFollowing) return;
    this.isFollowing = false;
    this.place = this.placeNow();
    this.changed();
  }

  /** Shows a row, its beginning `top` below the top of what is seen, and stays there. */
  show(index: number, top: number): void {
    const entry = this.rows[index]?.entry;
    if (entry === undefined) return;
    this.isFollowing = false;
    this.place = { index, key: entry.key, seq: entry.seq, top };
    this.endScrolling();
    this.range = this.rangeAt(this.wantedOffset(), this.range);
    this.settle();
    this.changed();
  }

  /** Moves what is seen by so much, as a person would. */
  shift(by: number): void {
    if (this.place === null) return;
    this.place = { ...this.place, top: this.place.top - by };
    this.settle();
  }

  /** Where one is; null while the end is followed. */
  placeOf(): RowPlace | null {
    return this.isFollowing ? null : (this.place ?? this.placeNow());
  }

  /** The first row that is seen. */
  topIndex(): number {
    const { frame } = this;
    if (frame === null) return 0;
    return this.heights.indexAt(this.offsetNow(frame));
  }

  /** Whether all of the beginning of a row is seen. */
  isSeen(index: number): boolean {
    const { frame } = this;
    if (frame === null) return false;
    const top = this.heights.offsetOf(index) - this.offsetNow(frame);
    return top >= 0 && top + Math.min(this.heights.at(index), 100) <= frame.scroller.clientHeight;
  }

  private scrolled(): void {
    if (this.frame !== null) this.note(this.frame);
    this.look();
  }

  /** Takes over where a person has scrolled to. */
  private note({ scroller }: Frame): void {
    const top = scroller.scrollTop;
    // A page that is laid out anew moves what is at the end, too: that is no wish to go away from it.
    const isOwn = this.isFollowing && shapeOf(scroller) !== this.shape && performance.now() - this.gestureAt > GESTURE_MS;
    if (Math.abs(top - this.ownTop) >= 1 && !isOwn) {
      const toEnd = scroller.scrollHeight - scroller.clientHeight - top;
      const wasFollowing = this.isFollowing;
      this.isFollowing = toEnd <= 1 || (toEnd <= END_PX && (top > this.lastTop || (wasFollowing && top === this.lastTop)));
      this.place = this.isFollowing ? null : this.placeNow();
      this.ownTop = Number.POSITIVE_INFINITY;
      this.endScrolling();
      this.still = setTimeout(() => this.stilled(), STILL_MS);
      if (wasFollowing !== this.isFollowing) this.changed();
    }
    this.lastTop = top;
  }

  private endScrolling(): void {
    clearTimeout(this.still);
    this.still = undefined;
  }

  private stilled(): void {
    this.endScrolling();
    this.settle();
  }

  /** How far what is seen is from where it would be without a drift, counted from the first row. */
  private offsetNow({ scroller, inner }: Frame): number {
    return scroller.scrollTop - inner.offsetTop - this.drift;
  }

  /** Draws other rows when those that are there do not cover what is seen. */
  private look(): void {
    const { frame } = this;
    if (frame === null) return;
    const { scroller } = frame;
    const away = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop > END_PX;
    const range = this.rangeAt(this.offsetNow(frame), this.range);
    if (away === this.isAway && range === this.range) return;
    this.isAway = away;
    this.range = range;
    this.changed();
  }

  /** The place by its row in the list as it is now; the nearest one when it is not there any more. */
  private replaced(place: RowPlace & { index: number }): (RowPlace & { index: number }) | null {
    const same = indexOfRow(this.rows, place.key, place.index);
    const index = same === -1 ? indexOfSeq(this.rows, place.seq) : same;
    const entry = this.rows[index]?.entry;
    return entry === undefined ? null : { ...place, index, key: entry.key };
  }

  private placeNow(): (RowPlace & { index: number }) | null {
    const { frame } = this;
    if (frame === null) return null;
    const offset = this.offsetNow(frame);
    const index = this.heights.indexAt(offset);
    const entry = this.rows[index]?.entry;
    if (entry === undefined) return null;
    return { index, key: entry.key, seq: entry.seq, top: this.heights.offsetOf(index) - offset };
  }

  /** Where what is seen is to begin, counted from the first row. */
  private wantedOffset(): number {
    const view = this.frame?.scroller.clientHeight ?? FIRST_VIEW_PX;
    if (this.isFollowing) return this.heights.total - view;
    if (this.place !== null) return this.heights.offsetOf(this.place.index) - this.place.top;
    return this.frame === null ? 0 : this.offsetNow(this.frame);
  }

  /** The rows for a place; those that are drawn now as long as they cover it. */
  private rangeAt(offset: number, now: RowRange): RowRange {
    const { count } = this.heights;
    const view = this.frame?.scroller.clientHeight ?? FIRST_VIEW_PX;
    if (count === 0) return now.end === 0 ? now : { first: 0, end: 0 };
    const around = (px: number): RowRange => ({
      first: this.heights.indexAt(offset - px),
      end: this.heights.indexAt(offset + view + px) + 1,
    });
    const near = around(this.isFollowing ? FOLLOWED_PX : NEAR_PX);
    if (
      now.first <= near.first &&
      now.end >= near.end &&
      now.end <= count &&
      now.end - now.first <= 4 * (near.end - near.first + 20)
    )
      return now;
    // What is followed moves on: rows above would be made only to be taken away again.
    return this.isFollowing ? near : around(FAR_PX);
  }
}
