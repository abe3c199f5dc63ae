import { expect, test } from "vitest";
import { describeRepositories, otherRepositories } from "./repositories.ts";

const nothing = { baseCommit: null, headCommit: null, delivered: null };
const first = { repository: "acme/api", ref: null, directory: null, ...nothing };
const other = { repository: "acme/web", ref: "dev", directory: "web", ...nothing };

test("a repository that is alone has no others", () => {
  const run = { ...first, additionalRepositories: [] };
  expect([describeRepositories(run), otherRepositories(run)]).toEqual(["acme/api", ""]);
});

test("several are told in their order, with what is checked out of them", () => {
  const run = {
    ...first,
    ref: "main",
    directory: "api",
    additionalRepositories: [other, { ...other, repository: "acme/docs", ref: null }],
  };
  expect([describeRepositories(run), otherRepositories(run)]).toEqual(["acme/api@main, acme/web@dev, acme/docs", "+ 2 more"]);
});
