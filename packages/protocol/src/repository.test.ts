import { expect, test } from "vitest";
import { parseRepository } from "./repository.ts";

const address = (text: string) => {
  const parsed = parseRepository(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.address;
};

test("owner/name is a repository on GitHub, with or without .git", () => {
  const expected = {
    transport: "https",
    url: "https://github.com/octo-org/hello.world.git",
    display: "octo-org/hello.world",
    host: "github.com",
    port: 443,
  };
  expect(address("octo-org/hello.world")).toEqual(expected);
  expect(address("  octo-org/hello.world.git ")).toEqual(expected);
});

test.each([
  [
    "https://GitLab.example.com/group/sub/name.git/",
    "https",
    "https://gitlab.example.com/group/sub/name.git",
    "gitlab.example.com",
    443,
  ],
  ["http://127.0.0.1:3000/a.git", "http", "http://127.0.0.1:3000/a.git", "127.0.0.1", 3000],
  ["https://[::1]:8443/a", "https", "https://[::1]:8443/a", "[::1]", 8443],
  ["https://example.com/a%20b/~c", "https", "https://example.com/a%20b/~c", "example.com", 443],
  ["https://0x7f.1/a", "https", "https://127.0.0.1/a", "127.0.0.1", 443],
  ["ssh://example.com/a.git", "ssh", "ssh://git@example.com:22/a.git", "example.com", 22],
  ["ssh://me@Example.com:2222/srv/a%20b.git", "ssh", "ssh://me@example.com:2222/srv/a%20b.git", "example.com", 2222],
])("reads %s", (text, transport, url, host, port) => {
  expect(address(text)).toMatchObject({ transport, url, host, port });
});

test("the scp-like form keeps its meaning: a path from the user's home", () => {
  expect(address("git@GitHub.com:octo/hello.git")).toEqual({
    transport: "ssh",
    url: "git@github.com:octo/hello.git",
    display: "git@GitHub.com:octo/hello.git",
    host: "github.com",
    port: 22,
    user: "git",
  });
  expect(address("git@host:/srv/a.git")).toMatchObject({ url: "git@host:/srv/a.git" });
});

test("reads an absolute local path", () => {
  expect(address("/srv/my repositories/a")).toEqual({
    transport: "local",
    path: "/srv/my repositories/a",
    display: "/srv/my repositories/a",
  });
});

test.each([
  ["", "is empty"],
  ["   ", "is empty"],
  ["name", "neither owner/name"],
  ["a/b/c", "neither owner/name"],
  ["octo/.git", "an owner but no name"],
  ["../name", "'..'"],
  ["octo/..", "'..'"],
  ["octo/-name", "not a plain name"],
  ["-oProxyCommand=x/y", "starts with '-'"],
  ["--upload-pack=touch /tmp/x", "starts with '-'"],
  ["/srv/../etc", "'..'"],
  ["/srv/a\nb", "control character"],
  ["octo/a\u202eb", "control character"],
  ["ext::sh -c id", "neither owner/name"],
  ["ext::ssh a@b:c", "neither owner/name"],
  ["file:///etc", "'file://' addresses are not taken"],
  ["git://example.com/a", "'git://' addresses are not taken"],
  ["https://", "not a valid URL"],
  ["https://example.com", "no repository"],
  ["https://example.com/a?b=c", "a query or a fragment"],
  ["https://example.com/a#b", "a query or a fragment"],
  ["https://example.com/%zz", "not a plain name"],
  ["https://example.com/a%2fb", "not a plain name"],
  ["https://example.com/%2dx", "not a plain name"],
  ["https://example.com/a%00b", "not a plain name"],
  ["https://example.com/a;id", "not a plain name"],
  ["https://example.com/$(id)", "not a plain name"],
  ["https://evil.example\\@github.com/a", "not a plain name"],
  ["https://exa_mple.com/a", "is not a host name"],
  ["https://example.com./a", "is not a host name"],
  ["ssh://-oProxyCommand=id/a", "is not a host name"],
  ["ssh://git@-x/a", "is not a host name"],
  ["ssh://-oProxyCommand=id@host/a", "not a user name"],
  ["ssh://%zz@host/a", "not a user name"],
  ["ssh://a%20b@host/a", "not a user name"],
  ["ssh://host/%zz", "not a plain name"],
  ["git@host:%zz", "not a plain name"],
  ["git@host:a%20b", "not a plain name"],
  ["git@host:../a", "'..'"],
  ["git@host:-x", "not a plain name"],
  ["git@-oProxyCommand=id:a", "is not a host name"],
  ["-l@host:a", "starts with '-'"],
])("refuses %j", (text, message) => {
  const parsed = parseRepository(text);
  expect(parsed).toEqual({ ok: false, message: expect.stringContaining(message) });
});

test.each([
  "https://user:hunter2@example.com/a",
  "https://ghp_hunter2@github.com/a/b",
  "ssh://git:hunter2@example.com/a",
  "ssh://ghp_hunter2@github.com/a/b",
  "ghp_hunter2@github.com:a/b",
  "github_pat_hunter2@github.com:a/b",
  "hun%ter2:x@github.com:a/b",
  "x:hunter2@github.com:a/b",
])("refuses a credential in the address without repeating it: %s", (text) => {
  const parsed = parseRepository(text);
  expect(parsed.ok).toBe(false);
  expect(JSON.stringify(parsed)).not.toMatch(/hun%?ter2/);
});

test("never throws, whatever it is given", () => {
  const parts = [
    "%",
    "%zz",
    "@",
    ":",
    "/",
    "//",
    "\\",
    "ssh://",
    "https://",
    "git@h:",
    "[",
    "]",
    "..",
    "-",
    "\u0000",
    "\ud800",
    "a",
    "?",
    "#",
  ];
  for (const a of parts) for (const b of parts) for (const c of parts) expect(parseRepository(a + b + c)).toHaveProperty("ok");
});
