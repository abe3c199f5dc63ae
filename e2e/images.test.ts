import { execFile } from "node:child_process";
import { readdir, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Message } from "@ccr/protocol";
import { parseScenario } from "@ccr/scripted-model";
import { createGitRepository, temporaryFolder } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dockerEnvironment, driversUnderTest } from "./src/drivers.ts";
import { turnsOf } from "./src/scripted.ts";
import { allMessages } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const run = promisify(execFile);

const doing = (command: string) =>
  parseScenario({
    name: "doing",
    rules: [{ turns: turnsOf(`${command}; echo b > b.txt`, "SAW<<{{lastToolResult}}>>") }],
  });
const saidOf = (messages: readonly Message[]): string => /SAW<<([\s\S]*?)>>/.exec(JSON.stringify(messages))?.[1] ?? "";

const drivers = (await driversUnderTest()).flat();

describe.skipIf(!drivers.includes("docker"))("images of environments", () => {
  let stack: Stack;
  let host: string;
  let base: string;
  const images: string[] = [];
  const docker = async (...args: string[]): Promise<string> =>
    (await run("docker", args, { env: { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: "0" } })).stdout.trim();

  /** An image on the tests' engine, which is removed when they are over. */
  const build = async (name: string, lines: readonly string[]): Promise<string> => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("Dockerfile"), [`FROM ${base}`, ...lines].join("\n"));
    images.push(name);
    await docker("build", "--quiet", "--tag", name, folder.path);
    return name;
  };

  beforeAll(async () => {
    const variables = await dockerEnvironment();
    host = variables.DOCKER_HOST ?? "";
    base = variables.CCR_BASE_IMAGE ?? "";
    stack = await startStack({ driver: "docker" });
  });
  afterAll(async () => {
    // Those that were built on them; the executor image itself is the tests'.
    const built = (await stack?.server.client.server.disk.query())?.images?.items ?? [];
    await stack?.[Symbol.asyncDispose]();
    images.unshift(...built.map(({ name }) => name));
    const described = await docker("images", "--quiet", "--filter", "label=ccr.devcontainer=1");
    images.push(...described.split("\n").filter((id) => id !== ""));
    for (const image of images) await docker("rmi", "--force", image).catch(() => {});
  });

  const launch = async (
    environment: Parameters<Stack["server"]["client"]["environments"]["create"]["mutate"]>[0],
    checks = "",
    files: Record<string, string> = {},
  ) => {
    const { client } = stack.server;
    await using repository = await createGitRepository({
      path: `${stack.repositories}/${environment.name}`,
      files: { a: "a\n", ...files },
    });
    const task = await client.tasks.create.mutate({ name: "Work", steps: [{ instructions: "Do it.", checks }] });
    const { id: environmentId } = await client.environments.create.mutate(environment);
    const { id } = await client.runs.create.mutate({ taskId: task.id, repository: repository.path, environmentId });
    return { run: await stack.server.untilFinal(id, 600_000), messages: await allMessages(client, id) };
  };

  it("that are named give the agent, the checks and the set-up their programs and variables", async () => {
    const name = await build("ccr-e2e/named:1", [
      "RUN mkdir -p /opt/tool/bin && printf '#!/bin/sh\\necho tool of $TOOL_HOME\\n' > /opt/tool/bin/our-tool && chmod 755 /opt/tool/bin/our-tool",
      'ENV TOOL_HOME=/opt/tool PATH="/opt/tool/bin:$PATH" CLAUDE_CODE_USE_BEDROCK=1 NODE_COMPILE_CACHE=/home/agent',
      'ENTRYPOINT ["/bin/false"]',
      "USER nobody",
    ]);
    stack.model.setScenario(
      doing("our-tool; id -un; pwd; printenv CLAUDE_CODE_USE_BEDROCK NODE_COMPILE_CACHE || echo not there"),
    );
    const compiled = "NODE_COMPILE_CACHE=/opt/ccr/compiled";
    const executor = "/opt/ccr/node_modules/.bin/node /opt/ccr/executor/src/main.ts";
    const checks = [
      "our-tool && grep -q tool from-setup",
      `tr '\\0' '\\n' < /proc/1/environ | grep -qx ${compiled}`,
      `${compiled} NODE_DEBUG_NATIVE=COMPILE_CACHE ${executor} --compile 2>&1 | grep -q 'executor/src/main.ts was accepted'`,
    ];
    const { run: ended, messages } = await launch(
      { name: "named", image: { kind: "named", name }, setup: { script: "our-tool > from-setup" } },
      checks.map((command) => `$ ${command}`).join("\n"),
    );
    expect(ended).toMatchObject({ status: "succeeded", reason: "passed" });
    expect(saidOf(messages)).toBe("tool of /opt/tool\\nagent\\n/workspace\\nnot there");
  });

  it("are those that the repository's devcontainer.json describes, built without a network and without the host", async () => {
    stack.model.setScenario(doing("cat /opt/marks/*; echo $FROM_CONTAINER $FROM_PERSON; ls deps"));
    const files = {
      ".gitignore": "deps/\n",
      ".devcontainer/devcontainer.json": `{
        // The repository is a stranger's.
        "build": { "dockerfile": "Dockerfile", "context": "..", "args": { "MARK": "of-args" }, "options": ["--network=host"] },
        "features": { "./ours": {} },
        "containerEnv": { "FROM_CONTAINER": "container", "FROM_PERSON": "no" },
        "initializeCommand": "touch ${stack.folder.join("evil")}",
        "mounts": ["source=/,target=/host,type=bind"],
        "postCreateCommand": "mkdir deps && cp a deps/from-post-create",
      }`,
      ".devcontainer/Dockerfile": [
        `FROM ${base}`,
        "ARG MARK",
        "COPY a /opt/marks/1",
        "RUN echo $MARK > /opt/marks/2 && ls /sys/class/net > /opt/marks/3",
        "RUN ls /host /doors > /opt/marks/4 2>/dev/null || echo no host > /opt/marks/4",
      ].join("\n"),
      ".devcontainer/ours/devcontainer-feature.json": JSON.stringify({ id: "ours", version: "1.0.0", name: "Ours" }),
      ".devcontainer/ours/install.sh": "echo of a feature > /opt/marks/5\n",
    };
    const { run: ended, messages } = await launch(
      { name: "devcontainer", image: { kind: "devcontainer" }, variables: { FROM_PERSON: "person" } },
      "$ test -f deps/from-post-create && test -f /opt/marks/5",
      files,
    );
    expect(ended).toMatchObject({ status: "succeeded", reason: "passed" });
    expect(saidOf(messages)).toBe("a\\nof-args\\nlo\\nno host\\nof a feature\\ncontainer person\\nfrom-post-create");
    await expect(stat(stack.folder.join("evil"))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await readdir(stack.folder.join("data", "sandboxes", "devcontainers"))).toEqual([]);

    const hostile = { ...files, ".devcontainer/Dockerfile": `FROM ${base}\nADD http://127.0.0.1:9/ /x` };
    const refused = await launch({ name: "hostile", image: { kind: "devcontainer" } }, "", hostile);
    expect(refused.run).toMatchObject({ status: "errored", reason: "setup_failed" });
    expect(refused.run.sentence).toContain("cannot be built without a network");
    const none = await launch({ name: "none", image: { kind: "devcontainer" } });
    expect(none.run.sentence).toContain("The repository has no .devcontainer/devcontainer.json or .devcontainer.json.");
  });

  it("that are not there end the run, and say which", async () => {
    const { run: ended } = await launch({ name: "missing", image: { kind: "named", name: "ccr.invalid/no-such:1" } });
    expect(ended).toMatchObject({ status: "errored", reason: "setup_failed" });
    expect(ended.sentence).toContain("The image ccr.invalid/no-such:1 is not there and could not be fetched");
  });
});

it("cannot be had from a server whose sandboxes have none, which says so before there is a run", async () => {
  await using stack = await startStack({ driver: "bubblewrap" });
  const { client } = stack.server;
  const task = await client.tasks.create.mutate({ name: "Work", steps: [{ instructions: "Do it." }] });
  const { id: environmentId } = await client.environments.create.mutate({
    name: "Rust",
    image: { kind: "named", name: "rust:1" },
  });
  const launching = client.runs.create.mutate({ taskId: task.id, repository: "octo/one", environmentId });
  await expect(launching).rejects.toThrow(
    "The environment Rust wants the image rust:1, and this server makes sandboxes with bubblewrap",
  );
  expect(await client.runs.list.query({})).toEqual([]);
  expect(await client.environments.facts.query()).toMatchObject({ hasImages: false });
});
