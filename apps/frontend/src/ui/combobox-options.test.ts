import { expect, test } from "vitest";
import { matchOptions } from "./combobox-options.ts";

const options = [{ value: "acme/api" }, { value: "main/acme" }, { value: "release/main" }, { value: "main" }];
const values = (text: string, typed = true) => matchOptions(options, text, typed).map(({ value }) => value);

test("all are shown until something is typed", () => {
  expect(values("main", false)).toEqual(["acme/api", "main/acme", "release/main", "main"]);
});

test("those that begin with what is typed come first, and each word counts", () => {
  expect(values("MAI")).toEqual(["main/acme", "main", "release/main"]);
  expect(values("api ac")).toEqual(["acme/api"]);
  expect(values("nothing")).toEqual([]);
  expect(values("")).toHaveLength(4);
});

test("nothing covers the page when what stands there is one of them", () => {
  expect(values(" main ")).toEqual([]);
});
