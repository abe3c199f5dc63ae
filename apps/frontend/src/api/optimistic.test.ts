import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { showChanged } from "./optimistic.ts";

const key = ["list"];
const adding = (name: string) => (data: unknown) =>
  Array.isArray(data) && data.includes(name) ? data : [...(Array.isArray(data) ? data : []), name];
const clientWith = (told?: readonly string[]): QueryClient => {
  const queries = new QueryClient();
  if (told !== undefined) queries.setQueryData(key, told);
  return queries;
};

test("a change lies over what is known, and over what is read meanwhile, until it is takeBacked", async () => {
  const queries = clientWith(["a"]);
  const { takeBack } = showChanged(queries, key, adding("x"));
  expect(queries.getQueryData(key)).toEqual(["a", "x"]);
  await queries.fetchQuery({ queryKey: key, queryFn: () => ["a", "b"] });
  expect(queries.getQueryData(key)).toEqual(["a", "b", "x"]);
  queries.setQueryData(key, ["a", "b", "c"]);
  expect(queries.getQueryData(key)).toEqual(["a", "b", "c", "x"]);
  takeBack();
  expect(queries.getQueryData(key)).toEqual(["a", "b", "c"]);
  takeBack();
  queries.setQueryData(key, ["d"]);
  expect(queries.getQueryData(key)).toEqual(["d"]);
});

test("several changes lie over each other, whichever is takeBacked first", async () => {
  const queries = clientWith(["a"]);
  const { takeBack: takeBackFirst } = showChanged(queries, key, adding("x"));
  const { takeBack: takeBackSecond } = showChanged(queries, key, adding("y"));
  expect(queries.getQueryData(key)).toEqual(["a", "x", "y"]);
  takeBackFirst();
  expect(queries.getQueryData(key)).toEqual(["a", "y"]);
  await queries.fetchQuery({ queryKey: key, queryFn: () => ["a", "x"] });
  expect(queries.getQueryData(key)).toEqual(["a", "x", "y"]);
  takeBackSecond();
  expect(queries.getQueryData(key)).toEqual(["a", "x"]);
});

test("what was never known is not known after a change that was refused, and other keys are left alone", () => {
  const queries = clientWith();
  queries.setQueryData(["other"], ["o"]);
  const { takeBack } = showChanged(queries, key, adding("x"));
  expect(queries.getQueryData(key)).toEqual(["x"]);
  queries.setQueryData(["other"], ["p"]);
  takeBack();
  expect(queries.getQueryData(key)).toBeUndefined();
  expect(queries.getQueryData(["other"])).toEqual(["p"]);
});

test("what was read while it lay there is not taken back with it", async () => {
  const queries = clientWith();
  const { takeBack } = showChanged(queries, key, adding("x"));
  await queries.fetchQuery({ queryKey: key, queryFn: () => ["a"] });
  takeBack();
  expect(queries.getQueryData(key)).toEqual(["a"]);
});

test("keeps how old the data are that it lies over", () => {
  const queries = new QueryClient();
  queries.setQueryData(key, ["a"], { updatedAt: 1000 });
  const { takeBack } = showChanged(queries, key, adding("x"));
  expect(queries.getQueryState(key)?.dataUpdatedAt).toBe(1000);
  takeBack();
  expect(queries.getQueryState(key)?.dataUpdatedAt).toBe(1000);
});

test("what has become so stays, also where it could not be read again, and is no longer laid over what comes", () => {
  const queries = clientWith(["a"]);
  const first = showChanged(queries, key, adding("x"));
  const second = showChanged(queries, key, adding("y"));
  first.keep();
  first.takeBack();
  expect(queries.getQueryData(key)).toEqual(["a", "x", "y"]);
  second.takeBack();
  expect(queries.getQueryData(key)).toEqual(["a", "x"]);
  queries.setQueryData(key, ["b"]);
  expect(queries.getQueryData(key)).toEqual(["b"]);
});
