import { RunId } from "@ccr/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSaying } from "./saying.ts";

const id = RunId.parse("run_0123456789");
const kept = new Map<string, string>();
beforeEach(() => {
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  });
});
afterEach(() => {
  kept.clear();
  vi.unstubAllGlobals();
});

const held = () => {
  const answer = Promise.withResolvers<void>();
  return { ...answer, say: () => answer.promise };
};

test("what is said leaves the box at once, and what is written meanwhile stays", async () => {
  const saying = createSaying(id);
  saying.write("first");
  const { say, resolve } = held();
  const sent = saying.send(say);
  expect(saying.get()).toMatchObject({ written: { text: "" }, sending: { text: "first" } });
  for (const text of ["f", "fi", "first", "first and"]) saying.write(text);
  expect(saying.get().written.text).toBe("first and");
  resolve();
  await sent;
  expect(saying.get()).toMatchObject({ written: { text: "first and" }, sending: null, problem: null });
});

test("what does not get through is written again, under its key, before what was written meanwhile", async () => {
  const saying = createSaying(id);
  saying.write("first");
  const { key } = saying.get().written;
  await saying.send(() => Promise.reject(new Error("no")));
  expect(saying.get()).toMatchObject({ written: { text: "first", key }, sending: null, problem: "no" });

  const { say, reject } = held();
  const sent = saying.send(say);
  saying.write("second");
  reject(new Error("no"));
  await sent;
  expect(saying.get().written.text).toBe("first\n\nsecond");
  expect(saying.get().written.key).not.toBe(key);
  saying.write("other");
  expect(saying.get().problem).toBeNull();
});

test("what was on its way when the page was left is written again, under its key", () => {
  const before = createSaying(id);
  before.write("first");
  const { key } = before.get().written;
  void before.send(held().say);
  expect(createSaying(id).get()).toMatchObject({ written: { text: "first", key }, sending: null });
  before.write("second");
  expect(createSaying(id).get().written.text).toBe("first\n\nsecond");
});

test("the same words are other ones once they were taken back, and nothing is kept of an empty box", async () => {
  const saying = createSaying(id);
  saying.write("first");
  const { key } = saying.get().written;
  saying.renew();
  expect(saying.get().written).toMatchObject({ text: "first" });
  expect(saying.get().written.key).not.toBe(key);
  await saying.send(() => Promise.resolve());
  expect(kept.size).toBe(0);
  saying.add("one");
  saying.add("two");
  expect(saying.get().written.text).toBe("one\n\ntwo");
});
