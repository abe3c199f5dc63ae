import { expect, test } from "vitest";
import { createForges } from "./forges.ts";
import { apiUrlOf } from "./settings.ts";
import { addressOf, failureOf, never } from "./suite/world.ts";
import type { GitHostKind, GitHostSettings } from "./types.ts";

const host = (name: string, kind: GitHostKind = "github", given: Partial<GitHostSettings> = {}): GitHostSettings => ({
  host: name,
  kind,
  apiUrl: null,
  credential: { kind: "token", username: null, token: `token-of-${name}` },
  ...given,
});

test.each([
  ["github.com", "github", "https://api.github.com"],
  ["acme.ghe.com", "github", "https://api.acme.ghe.com"],
  ["git.example.com:8443", "github", "https://git.example.com:8443/api/v3"],
  ["gitlab.com", "gitlab", "https://gitlab.com/api/v4"],
  ["codeberg.org", "gitea", "https://codeberg.org/api/v1"],
  ["bitbucket.org", "bitbucket", "https://api.bitbucket.org/2.0"],
] as const)("knows where %s has its API", (name, kind, apiUrl) => {
  expect(apiUrlOf({ host: name, kind, apiUrl: null })).toBe(apiUrl);
});

test("finds a host whichever way git reaches it, and tells the ports of the web apart", () => {
  const forges = createForges([host("github.com"), host("git.example.com:8443"), host("git.example.com", "gitlab")]);
  const kindOf = (text: string) => forges.find(addressOf(text))?.forge.kind ?? null;
  expect(kindOf("acme/tools")).toBe("github");
  expect(kindOf("git@github.com:acme/tools.git")).toBe("github");
  expect(kindOf("ssh://git@github.com/acme/tools")).toBe("github");
  expect(kindOf("https://git.example.com/a/b")).toBe("gitlab");
  expect(kindOf("https://git.example.com:8443/a/b")).toBe("github");
  expect(kindOf("https://git.example.com:9000/a/b")).toBeNull();
  expect(kindOf("https://elsewhere.example.com/a/b")).toBeNull();
  expect(kindOf("/srv/repository")).toBeNull();
});

test.each([
  ["https://git.example.com/group/sub/tools.git", "group/sub/tools"],
  ["ssh://git@git.example.com:2222/group/tools.git", "group/tools"],
  ["git@git.example.com:group/tools.git", "group/tools"],
  ["git@git.example.com:/group/tools", "group/tools"],
])("reads the path of a repository from %s", (text, repository) => {
  const forges = createForges([host("git.example.com", "gitlab")]);
  expect(forges.find(addressOf(text))?.repository).toBe(repository);
});

test("leaves out what a host's pages lie below", () => {
  const forges = createForges([host("example.com", "gitlab", { apiUrl: "https://example.com/gitlab/api/v4/" })]);
  expect(forges.find(addressOf("https://example.com/gitlab/group/tools.git"))?.repository).toBe("group/tools");
  expect(forges.find(addressOf("git@example.com:group/tools.git"))?.repository).toBe("group/tools");
});

test.each([
  ["github", null, "x-access-token"],
  ["gitlab", null, "oauth2"],
  ["gitlab", "deployer", "deployer"],
  ["gitea", null, "oauth2"],
  ["bitbucket", null, "x-token-auth"],
  ["bitbucket", "ada", "ada"],
  ["bitbucket", "ada@example.com", "x-bitbucket-api-token-auth"],
] as const)("%s takes a token from git, with the username %s", async (kind, username, shown) => {
  const forges = createForges([host("git.example.com", kind, { credential: { kind: "token", username, token: "t0ken" } })]);
  const credential = await forges.credential(addressOf("https://git.example.com/a/b.git"), never);
  expect(credential).toEqual({ username: shown, password: "t0ken" });
});

test.each(["github", "gitlab", "gitea", "bitbucket"] as const)("the token of %s never travels in the clear", async (kind) => {
  const forges = createForges([
    host("git.example.com:80", kind, { apiUrl: "http://git.example.com/api" }),
    host("other.example.com", kind, { credential: null }),
  ]);
  expect(await forges.credential(addressOf("http://git.example.com/a/b"), never)).toBeNull();
  expect(await forges.credential(addressOf("git@git.example.com:a/b"), never)).toBeNull();
  expect(await forges.credential(addressOf("https://other.example.com/a/b"), never)).toBeNull();
  expect(await forges.credential(addressOf("https://unknown.example.com/a/b"), never)).toBeNull();
  const found = forges.find(addressOf("http://git.example.com/a/b"));
  const error = await failureOf(Promise.resolve(found?.forge.pullRequests.defaultBranch("a/b", never)));
  expect(error).toMatchObject({ kind: "refused", message: expect.stringContaining("not sent to git.example.com:80 over http") });
});
