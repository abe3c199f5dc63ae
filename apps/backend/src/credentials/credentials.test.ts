import { expect, test } from "vitest";
import { createCredentials, listCredentials } from "./credentials.ts";

const token = { kind: "token", username: null, token: "ghp_the-secret-token" } as const;
const app = { kind: "app", appId: "1", privateKey: "-----BEGIN the-secret-key" } as const;
const github = { host: "github.com", kind: "github", apiUrl: null, credential: token } as const;
const forge = { host: "git.example.org", kind: "gitea", apiUrl: null, credential: null } as const;

test("tells where each credential came from, which are missing, and never a value", () => {
  const listed = listCredentials({
    model: { kind: "oauth_token", value: "sk-ant-oat01-the-secret" },
    modelHost: "api.anthropic.com",
    hosts: [github, forge],
    variables: new Set(["GITHUB_TOKEN", "CCR_GIT_HOSTS"]),
  });
  expect(listed).toEqual([
    { id: "model", kind: "model", host: "api.anthropic.com", form: "oauth_token", source: "CLAUDE_CODE_OAUTH_TOKEN" },
    { id: "github.com", kind: "github", host: "github.com", form: "token", source: "GITHUB_TOKEN" },
    { id: "git.example.org", kind: "gitea", host: "git.example.org", form: null, source: null },
    { id: "gitlab.com", kind: "gitlab", host: "gitlab.com", form: null, source: null },
    { id: "bitbucket.org", kind: "bitbucket", host: "bitbucket.org", form: null, source: null },
  ]);
  expect(JSON.stringify(listed)).not.toContain("secret");
});

test("tells an App, and a usual host that stands in the file", () => {
  const source = (variables: string[]) =>
    listCredentials({
      model: null,
      modelHost: "h",
      hosts: [{ ...github, credential: app }],
      variables: new Set(variables),
    })[1];
  expect(source(["GITHUB_APP_ID"])).toMatchObject({ form: "app", source: "GITHUB_APP_ID" });
  expect(source(["CCR_GIT_HOSTS"])).toMatchObject({ form: "app", source: "CCR_GIT_HOSTS" });
});

test("has nothing to test where there is nothing", async () => {
  const credentials = createCredentials({
    model: null,
    modelUrl: new URL("http://127.0.0.1:9"),
    hosts: [forge],
    variables: new Set(),
  });
  for (const id of ["model", "git.example.org", "elsewhere"])
    await expect(credentials.test(id, new AbortController().signal)).rejects.toMatchObject({ code: "not_found" });
});
