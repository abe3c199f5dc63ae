import { expect, test } from "vitest";
import { CreateEnvironmentInput, SetSecretsInput } from "./environment.ts";
import { describeZodError } from "./errors.ts";

const problem = (change: object): string | null => {
  const parsed = CreateEnvironmentInput.safeParse({ name: "Node", ...change });
  return parsed.success ? null : describeZodError(parsed.error);
};

test("takes what can be set up, with what is usual where nothing is said", () => {
  expect(CreateEnvironmentInput.parse({ name: " Node ", setup: { script: "npm ci" } })).toMatchObject({
    name: "Node",
    image: { kind: "default" },
    setup: { network: "none", allowedHosts: [], seconds: 1800, cacheKeys: expect.arrayContaining(["**/package-lock.json"]) },
    variables: {},
    network: "none",
    allowedHosts: [],
  });
  expect(problem({ image: { kind: "named", name: "registry.example.org:5000/a/b@sha256:0123" } })).toBeNull();
});

test.each([
  [{ name: "" }, "name: the name is empty"],
  [{ image: { kind: "named", name: "--privileged" } }, "image.name: is not an image's name"],
  [{ image: { kind: "named", name: "a b" } }, "image.name: is not an image's name"],
  [{ image: { kind: "devcontainer", path: "../x" } }, "image.path: must be a path inside of the repository"],
  [{ setup: { script: " \n" } }, "setup.script: the script is empty"],
  [{ setup: { script: "x".repeat(65 * 1024) } }, "setup.script: the script is longer than 64 KiB"],
  [{ setup: { script: "x", allowedHosts: [{ host: "a b" }] } }, "setup.allowedHosts[0].host: is not a host name"],
  [{ allowedHosts: [{ host: "a b" }] }, "allowedHosts[0].host: is not a host name"],
  [{ allowedHosts: [{ host: "a.test" }, { host: "127.0.0.1" }] }, "allowedHosts[1].host: 127.0.0.1 is an address"],
  [{ allowedHosts: [{ host: "*.internal" }] }, "no sandbox may reach"],
  [{ allowedHosts: [{ host: "api.anthropic.com" }] }, "is reached through the model route alone"],
  [
    { allowedHosts: [{ host: "a.test", ports: Array.from({ length: 201 }, (_, n) => n + 1) }] },
    "allowedHosts: at most 200 hosts",
  ],
  [{ network: "all" }, "network: "],
  [{ setup: { script: "x", seconds: 1 } }, "setup.seconds: must be at least 5 seconds"],
  [{ setup: { script: "x", cacheKeys: ["/etc/passwd"] } }, "setup.cacheKeys[0]: must be a path inside"],
  [{ setup: { script: "x", secrets: {} } }, "setup: "],
  [{ variables: { "A-B": "" } }, "variables.A-B: the name of a variable has letters"],
  [{ variables: { HOME: "/x" } }, "variables.HOME: this variable belongs to the sandbox"],
  [{ variables: { https_proxy: "x" } }, "variables.https_proxy: this variable belongs to the sandbox"],
  [{ variables: { ANTHROPIC_BASE_URL: "x" } }, "variables.ANTHROPIC_BASE_URL: this variable belongs"],
  [{ variables: { A: "\0" } }, "variables.A: a value holds a NUL"],
])("refuses %j", (change, said) => {
  expect(problem(change)).toContain(said);
});

test("a refused secret is not told", () => {
  const id = "env_0123456789";
  for (const secrets of [{ "A-B": "a-secret-value" }, { A: "short" }, {}, { CCR_TOKEN: "a-secret-value" }]) {
    const { error } = SetSecretsInput.safeParse({ id, secrets });
    expect(error === undefined ? "taken" : describeZodError(error)).not.toMatch(/taken|a-secret|short$/);
  }
});
