import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "./config.ts";

const start = (environment: Record<string, string>) => {
  const invocation = readConfig([], { HOME: "/home/someone", ...environment });
  if (invocation.kind !== "start") throw new Error("expected a start");
  return invocation.config;
};

const failure = (environment: Record<string, string>): string => {
  try {
    start(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).not.toContain("\n");
    return String(error);
  }
  throw new Error("it should have failed");
};

const makeKey = () =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" }).toString();

/** A folder with a file of hosts in it, and what the environment says of that file. */
const fileWith = async (content: unknown) => {
  const folder = await temporaryFolder();
  const path = folder.join("hosts.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return { folder, environment: { CCR_GIT_HOSTS: path }, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

describe("git hosts", () => {
  it("are none when nothing is given", () => {
    expect(start({}).gitHosts).toEqual([]);
  });

  it("are the usual ones whose tokens are given", () => {
    const config = start({ GITHUB_TOKEN: "ghp_1", GITLAB_TOKEN: "glpat-1", BITBUCKET_TOKEN: "ada@example.com:ATATT-1" });
    const token = (value: string, username: string | null = null) => ({ kind: "token", username, token: value });
    expect(config.gitHosts).toEqual([
      { host: "github.com", kind: "github", apiUrl: null, credential: token("ghp_1") },
      { host: "gitlab.com", kind: "gitlab", apiUrl: null, credential: token("glpat-1") },
      { host: "bitbucket.org", kind: "bitbucket", apiUrl: null, credential: token("ATATT-1", "ada@example.com") },
    ]);
    expect(config.secrets).toEqual(["ghp_1", "glpat-1", "ATATT-1"]);
    expect(start({ BITBUCKET_TOKEN: "ATCTT-1" }).gitHosts).toMatchObject([{ credential: token("ATCTT-1") }]);
  });

  it("take a GitHub App with its key, as it is, in one line, or in a file", async () => {
    await using folder = await temporaryFolder();
    const key = makeKey();
    await writeFile(folder.join("app.pem"), key);
    for (const given of [key, key.replaceAll("\n", "\\n"), folder.join("app.pem")]) {
      const config = start({ GITHUB_APP_ID: "4711", GITHUB_APP_PRIVATE_KEY: given });
      expect(config.gitHosts).toMatchObject([
        { host: "github.com", credential: { kind: "app", appId: "4711", privateKey: key } },
      ]);
      expect(config.secrets).toEqual([key]);
    }
  });

  it("are those of the file too, with tokens in it or beside it", async () => {
    await using folder = await temporaryFolder();
    const key = makeKey();
    await writeFile(folder.join("token"), "glpat-2\n");
    await writeFile(folder.join("app.pem"), key);
    await using file = await fileWith([
      { host: "Git.Example.com:443", kind: "gitlab", apiUrl: "https://git.example.com/api/v4", tokenFile: folder.join("token") },
      { host: "code.example.com:3000", kind: "gitea", token: "t-3", username: "runner" },
      { host: "github.example.com", kind: "github", appId: 7, privateKeyFile: folder.join("app.pem") },
      { host: "127.0.0.1:3001", kind: "gitea", apiUrl: "http://127.0.0.1:3001/api/v1" },
    ]);
    const config = start({ ...file.environment, GITLAB_TOKEN: "glpat-1" });
    expect(config.gitHosts.slice(1)).toEqual([
      {
        host: "git.example.com",
        kind: "gitlab",
        apiUrl: "https://git.example.com/api/v4",
        credential: { kind: "token", username: null, token: "glpat-2" },
      },
      {
        host: "code.example.com:3000",
        kind: "gitea",
        apiUrl: null,
        credential: { kind: "token", username: "runner", token: "t-3" },
      },
      { host: "github.example.com", kind: "github", apiUrl: null, credential: { kind: "app", appId: "7", privateKey: key } },
      { host: "127.0.0.1:3001", kind: "gitea", apiUrl: "http://127.0.0.1:3001/api/v1", credential: null },
    ]);
    expect(config.secrets).toEqual(["glpat-1", "glpat-2", "t-3", key]);
  });

  it.each([
    [{ GITHUB_APP_ID: "1" }, "GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY belong together"],
    [{ GITHUB_APP_PRIVATE_KEY: "/x" }, "belong together"],
    [{ GITHUB_APP_ID: "1", GITHUB_APP_PRIVATE_KEY: "hunter2" }, "GITHUB_APP_PRIVATE_KEY: must be an absolute path"],
    [{ GITHUB_APP_ID: "1", GITHUB_APP_PRIVATE_KEY: "/nowhere/x.pem" }, "/nowhere/x.pem does not exist"],
    [{ GITHUB_APP_ID: "1", GITHUB_APP_PRIVATE_KEY: "-----BEGIN RSA PRIVATE KEY-----\nhunter2" }, "no private key in PEM form"],
    [{ GITHUB_APP_ID: "a b", GITHUB_APP_PRIVATE_KEY: "/x" }, "GITHUB_APP_ID: is not the id"],
    [
      { GITHUB_APP_ID: "1", GITHUB_APP_PRIVATE_KEY: "/x", GITHUB_TOKEN: "hunter2" },
      "GITHUB_TOKEN and GITHUB_APP_ID are both set",
    ],
    [{ GITLAB_TOKEN: "hunter 2" }, "GITLAB_TOKEN: must not hold spaces"],
    [{ CCR_GIT_HOSTS: "hosts.json" }, "CCR_GIT_HOSTS: must be an absolute path"],
    [{ CCR_GIT_HOSTS: "/nowhere/hosts.json" }, "CCR_GIT_HOSTS: /nowhere/hosts.json does not exist"],
  ])("refuse %j with one clear line", (environment, message) => {
    const said = failure(environment);
    expect(said).toContain(message);
    expect(said).not.toContain("hunter2");
  });

  const entry = { host: "git.example.com", kind: "gitlab", token: "hunter2" };
  it.each([
    ["not json hunter2", "is not JSON"],
    [{ host: "x" }, "must hold a list"],
    [["x"], "entry 1: "],
    [[entry, { ...entry, host: "a/b" }], "entry 2: host must be a host name"],
    [[{ ...entry, host: "https://git.example.com" }], "entry 1: host must be a host name"],
    [[{ ...entry, kind: "svn" }], "entry 1: kind must be github, gitlab, gitea or bitbucket"],
    [[{ ...entry, tokn: "hunter2" }], "entry 1: Unrecognized key"],
    [[{ ...entry, token: "hunter2 x" }], "entry 1 (git.example.com): token: a token has no spaces"],
    [[{ ...entry, token: "" }], "entry 1 (git.example.com): token: a token has no spaces"],
    [[{ ...entry, tokenFile: "/x" }], "token and tokenFile are both there"],
    [[{ ...entry, token: undefined, tokenFile: "/nowhere/token" }], "tokenFile: /nowhere/token does not exist"],
    [[{ ...entry, token: undefined, username: "ada" }], "a username without a token"],
    [[{ ...entry, appId: "1", privateKeyFile: "/x" }], "only hosts of kind github have Apps"],
    [[{ ...entry, kind: "github", appId: "1" }], "needs both appId and privateKeyFile"],
    [[{ ...entry, kind: "github", appId: "1", privateKeyFile: "/x" }], "there is a token and an App"],
    [[{ ...entry, apiUrl: "git.example.com" }], "apiUrl must be an https URL"],
    [[{ ...entry, apiUrl: "https://u:hunter2@git.example.com/api/v4" }], "apiUrl must be an https URL without a user"],
    [[{ ...entry, apiUrl: "http://git.example.com/api/v4" }], "apiUrl must begin with https"],
    [[{ ...entry, apiUrl: "https://git.example.com/" }], "apiUrl must end in /api/v4"],
    [[entry, { ...entry, host: "git.example.com:443" }], "git.example.com has a credential twice"],
  ])("refuse a file with %j in one clear line", async (content, message) => {
    await using file = await fileWith(content);
    const said = failure(file.environment);
    expect(said).toContain(message);
    expect(said).not.toContain("hunter2");
  });

  it("refuse a host that has its token in a variable and in the file", async () => {
    await using file = await fileWith([{ host: "github.com", kind: "github", token: "hunter2" }]);
    expect(failure({ ...file.environment, GITHUB_TOKEN: "ghp_1" })).toContain("github.com has a credential twice");
  });
});
