import { placesIn } from "./search.ts";

const FOUND = "transcript-found";
const CURRENT = "transcript-current";
/** More in one entry are not marked: a long output may have a hundred thousand. */
const MARKS_MAX = 500;

/** The places of a pattern in what an element shows, also where a word is drawn in several pieces. */
const rangesIn = (element: Element, pattern: RegExp): Range[] => {
  const nodes: { node: Text; start: number }[] = [];
  let text = "";
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (!(node instanceof Text)) continue;
    nodes.push({ node, start: text.length });
    text += node.data;
  }
  const at = (offset: number, isEnd: boolean): { node: Text; start: number } | undefined =>
    nodes.findLast(({ start }) => (isEnd ? start < offset : start <= offset));
  return placesIn(pattern, text)
    .slice(0, MARKS_MAX)
    .flatMap(([start, end]) => {
      const from = at(start, false);
      const to = at(end, true);
      if (from === undefined || to === undefined) return [];
      const range = new Range();
      range.setStart(from.node, start - from.start);
      range.setEnd(to.node, end - to.start);
      return [range];
    });
};

/** Takes all marks away. */
export const clearMarks = (): void => {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete(FOUND);
  CSS.highlights.delete(CURRENT);
};

/**
 * Marks a pattern in these elements, without changing them; gives where it stands first in the current one. A browser that cannot mark
 * shows the entries all the same.
 */
export const mark = (elements: Iterable<Element>, pattern: RegExp, current: Element | null): Range | null => {
  const canMark = "highlights" in CSS;
  const inCurrent = current === null ? [] : rangesIn(current, pattern);
  if (canMark) {
    const others = [...elements].filter((element) => element !== current);
    CSS.highlights.set(FOUND, new Highlight(...others.flatMap((element) => rangesIn(element, pattern))));
    CSS.highlights.set(CURRENT, new Highlight(...inCurrent));
  }
  return inCurrent[0] ?? null;
};

/** Scrolls what stands inside of `outer` and scrolls by itself, such as a long output, until a place in it is seen there. */
export const showInside = (range: Range, outer: Element): void => {
  let element = range.startContainer.parentElement;
  for (; element !== null && element !== outer; element = element.parentElement) {
    if (element.scrollHeight <= element.clientHeight + 1 || !/auto|scroll/.test(getComputedStyle(element).overflowY)) continue;
    element.scrollTop += range.getBoundingClientRect().top - element.getBoundingClientRect().top - element.clientHeight / 2;
  }
};
