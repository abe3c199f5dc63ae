import { DEFAULT_CACHE_KEYS, EnvironmentId, NO_NETWORK, Setup } from "@ccr/protocol";
import { expect, test } from "vitest";
import { keyFiles, patternOf, type SetupInputs, setupKey } from "./key.ts";

const setup = Setup.parse({ script: "npm ci && ./tools/prepare.sh --fast" });
const files = [
  { path: "package-lock.json", mode: "100644", object: "1" },
  { path: "tools/prepare.sh", mode: "100755", object: "2" },
  { path: "src/a.js", mode: "100644", object: "3" },
];
const repository = { repository: "https://example.org/x", directory: null, commit: "a".repeat(40), files };
const inputs: SetupInputs = {
  environment: {
    id: EnvironmentId.parse("env_0123456789"),
    name: "Node",
    image: { kind: "default" },
    setup,
    variables: { A: "1", B: "2" },
    secretNames: ["T"],
    generation: 0,
    ...NO_NETWORK,
  },
  repositories: [repository],
  secretsDigest: "d",
  image: "i",
  platform: "p",
};

test.each([
  ["**/package.json", ["package.json", "a/b/package.json"], ["package.json5", "xpackage.json"]],
  ["a/*.txt", ["a/b.txt"], ["a/b/c.txt", "b.txt"]],
  ["./docs/**", ["docs/a", "docs/a/b"], ["docs", "x/docs/a"]],
  ["**/**/x?", ["xy", "a/xy"], ["x", "x/"]],
  ["a+(b).txt", ["a+(b).txt"], ["aab.txt"]],
])("%s is what it says", (pattern, fits, others) => {
  for (const path of fits) expect(patternOf(pattern).test(path), path).toBe(true);
  for (const path of others) expect(patternOf(pattern).test(path), path).toBe(false);
});

test("depends on the files that its patterns match, and on those that its script names", () => {
  expect(keyFiles(setup, files).map(({ path }) => path)).toEqual(["package-lock.json", "tools/prepare.sh"]);
  const bytes = Buffer.from("dépendances/yarn.lock").toString("latin1");
  expect(keyFiles({ script: "x", cacheKeys: [...DEFAULT_CACHE_KEYS] }, [{ path: bytes, mode: "", object: "" }])).toHaveLength(1);
});

test("has another name for everything on which it depends, and for nothing else", () => {
  const key = setupKey(inputs);
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  const { environment } = inputs;
  const at = (change: Partial<SetupInputs["repositories"][number]>): SetupInputs => ({
    ...inputs,
    repositories: [{ ...repository, ...change }],
  });
  const same: SetupInputs[] = [
    at({ commit: "b".repeat(40) }),
    at({ files: files.toReversed() }),
    at({ files: files.map((file) => (file.path === "src/a.js" ? { ...file, object: "9" } : file)) }),
    { ...inputs, environment: { ...environment, variables: { B: "2", A: "1" } } },
    { ...inputs, environment: { ...environment, name: "Other" } },
    // What agents may reach is nothing that a set-up could see.
    { ...inputs, environment: { ...environment, network: "packages", allowedHosts: [{ host: "a.test", ports: [443] }] } },
  ];
  for (const each of same) expect(setupKey(each)).toBe(key);
  const lock = (object: string) => ({ path: "package-lock.json", mode: "100644", object });
  const other = { repository: "https://example.org/y", directory: "y", commit: "c".repeat(40), files: [lock("7")] };
  const others: SetupInputs[] = [
    ...files
      .slice(0, 2)
      .map(({ path }) => at({ files: files.map((file) => (file.path === path ? { ...file, object: "9" } : file)) })),
    at({ repository: "https://example.org/y" }),
    { ...inputs, repositories: [{ ...repository, directory: "x" }, other] },
    {
      ...inputs,
      repositories: [
        { ...repository, directory: "x" },
        { ...other, directory: "z" },
      ],
    },
    {
      ...inputs,
      repositories: [
        { ...repository, directory: "x" },
        { ...other, files: [lock("8")] },
      ],
    },
    { ...inputs, repositories: [other, { ...repository, directory: "x" }] },
    { ...inputs, secretsDigest: "e" },
    { ...inputs, image: "j" },
    { ...inputs, platform: "q" },
    { ...inputs, environment: { ...environment, generation: 1 } },
    { ...inputs, environment: { ...environment, variables: { A: "1" } } },
    { ...inputs, environment: { ...environment, secretNames: [] } },
    { ...inputs, environment: { ...environment, setup: { ...setup, script: "npm ci" } } },
    { ...inputs, environment: { ...environment, setup: { ...setup, cacheKeys: [] } } },
    { ...at({ commit: "b".repeat(40) }), environment: { ...environment, setup: { ...setup, cacheKeys: [] } } },
  ];
  expect(new Set([key, ...others.map(setupKey)]).size).toBe(others.length + 1);
});
