import { expect, test } from "vitest";
import { hostSearchOf } from "./host-search.ts";

test.each([
  ["acme", { host: "github.com", owner: "acme" }],
  ["acme/", { host: "github.com", owner: "acme" }],
  ["acme/ap", { host: "github.com", owner: "acme", query: "ap" }],
  ["gitlab.com/group/sub/ap", { host: "gitlab.com", owner: "group/sub", query: "ap" }],
  ["https://Git.example.org/team/", { host: "git.example.org", owner: "team" }],
])("%s asks a host", (text, search) => {
  expect(hostSearchOf(text)).toEqual(search);
});

test.each(["", " ", "/srv/repositories/x", "git@host:a/b", "a b", "a/b/c", "gitlab.com/", "https://"])("%j asks none", (text) => {
  expect(hostSearchOf(text)).toBeNull();
});
