import { expect, test } from "vitest";
import { KEYS as OF_CHANGES } from "../runs/changes/keys.ts";
import { actionOf, type KeyPress } from "./keys.ts";
import { KEYS } from "./keys-table.ts";
import { PLACES } from "./places.ts";

const press = (key: string, given: Partial<KeyPress> = {}) =>
  actionOf({ key, isCommand: false, isAlt: false, isTyping: false, prefixAt: null, at: 10_000, ...given });

test("no key alone means anything while somebody types, and the palette opens all the same", () => {
  for (const key of ["g", "j", "k", "?", "/", "h"]) expect(press(key, { isTyping: true, prefixAt: 9_900 })).toBeNull();
  expect(press("k", { isCommand: true, isTyping: true })).toEqual({ kind: "palette" });
});

test("a letter leads to a place soon after g, and is itself otherwise", () => {
  expect(press("g")).toEqual({ kind: "prefix" });
  expect(press("r", { prefixAt: 9_500 })).toEqual({ kind: "go", to: "/runs" });
  expect(press("r", { prefixAt: 8_000 })).toBeNull();
  expect(press("j", { prefixAt: 9_500 })).toEqual({ kind: "row", by: 1 });
  expect(press("k")).toEqual({ kind: "row", by: -1 });
});

test("the browser's own keys are left to it", () => {
  for (const key of ["j", "g", "?", "r"]) expect(press(key, { isCommand: true })).toBeNull();
  expect(press("k", { isAlt: true })).toBeNull();
});

test("every place has a key of its own, which the table shows", () => {
  expect(new Set(PLACES.map(({ key }) => key)).size).toBe(PLACES.length);
  const shown = KEYS.find(({ group }) => group === "Go to")?.keys.map(({ keys }) => keys.join(" "));
  expect(shown).toEqual(PLACES.map(({ key }) => `g ${key}`));
});

test("the table tells where each key works, and nothing twice in one place", () => {
  for (const { keys } of KEYS) {
    const combinations = keys.map((each) => each.keys.join(" "));
    expect(new Set(combinations).size).toBe(combinations.length);
  }
  const changes = KEYS.find(({ group }) => group === "In changes")?.keys.flatMap(({ keys }) => keys);
  expect(changes).toEqual(OF_CHANGES.flatMap(({ keys }) => keys));
});
