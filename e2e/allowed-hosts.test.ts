import type { AuditRecord, CreateRunInput, Run } from "@ccr/protocol";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, startPostgres, temporaryFolder, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findParts } from "./faults/processes.ts";
import { driversUnderTest } from "./src/drivers.ts";
import { type Outside, startOutside } from "./src/outside.ts";
import { allMessages, type Server, startServer } from "./src/server.ts";
import { type Stack, startStack } from "./src/stack.ts";

const [ONE, TWO, NEVER, INSIDE] = ["one.outside.test", "two.outside.test", "never.outside.test", "inside.outside.test"] as const;
/** What the preset `packages` stands for here, beside what this machine is set to. */
const PACKAGES = "packages.outside.test";

const started = await startOutside([ONE, TWO, NEVER, PACKAGES], [INSIDE]);
if ("why" in started) process.stdout.write(`hosts that are allowed for a running run are not tried end to end: ${started.why}\n`);
const outside: Outside | null = "why" in started ? null : started;
afterAll(() => outside?.[Symbol.asyncDispose]());
const packages = { CCR_PACKAGE_HOSTS: `${PACKAGES}:${outside?.port}` };
const inside = outside === null ? {} : { outside, environment: packages };

const bash = (command: string) => ({ blocks: [{ type: "tool_use", name: "Bash", input: { command, description: "Work" } }] });
const say = (text: string) => ({ blocks: [{ type: "text", text }] });
const url = (host: string, path: string) => `http://${host}:${outside?.port}/${path}`;
const untilGot = (host: string, path: string, file: string, meanwhile = "true") =>
  `until curl -sf ${url(host, path)} -o ${file}; do ${meanwhile}; timeout 0.3 tail -f /dev/null; done`;

const codeOf = (host: string) =>
  `curl -s -o /dev/null -w "${host} %{http_code}\\n" http://${host}:${outside?.port}/ >> codes.txt`;

const scenario = {
  name: "outside",
  rules: [
    {
      match: { contains: "FETCH" },
      turns: [
        bash(untilGot(ONE, "one", "one.txt")),
        bash(
          `for host in ${NEVER} ${INSIDE}; do curl -s -o /dev/null -w "$host %{http_code}\\n" http://$host:${outside?.port}/; done > others.txt`,
        ),
        say("Fetched."),
      ],
    },
    {
      match: { contains: "BOTH" },
      turns: [
        bash(untilGot(ONE, "one", "one.txt")),
        bash(untilGot(TWO, "two", "two.txt", `${codeOf(ONE)}; ${codeOf(PACKAGES)}`)),
        say("Fetched both."),
      ],
    },
    { match: { contains: "TRY" }, turns: [bash([ONE, TWO, PACKAGES, INSIDE].map(codeOf).join("; ")), say("Tried.")] },
  ],
};

type Launch = Partial<Pick<CreateRunInput, "network" | "environmentId" | "idempotencyKey">>;

const launchOn = async (
  server: Server,
  folder: string,
  { instructions, checks, ...launch }: { instructions: string; checks: string } & Launch,
): Promise<Run["id"]> => {
  const path = `${folder}/${instructions}-${launch.idempotencyKey ?? ""}`;
  const repository = await createGitRepository({ path, files: { "README.md": "# x\n" } });
  const task = await server.client.tasks.create.mutate({ name: instructions, steps: [{ instructions, checks }] });
  return (await server.client.runs.create.mutate({ taskId: task.id, repository: repository.path, ...launch })).id;
};
const requestsOf = ({ client }: Server, id: Run["id"]): Promise<AuditRecord[]> => client.runs.requests.query({ id, limit: 1000 });
const untilRefused = (server: Server, id: Run["id"], host: string): Promise<AuditRecord> =>
  waitFor(
    async () => (await requestsOf(server, id)).find((record) => record.host === host && record.decision === "refused") ?? false,
    { what: `${host} to be refused`, timeoutMs: 60_000, intervalMs: 50 },
  );
const decisionsOf = async (server: Server, id: Run["id"], host: string): Promise<string> =>
  [...new Set((await requestsOf(server, id)).filter((record) => record.host === host).map(({ decision }) => decision))].join(" ");
const toldOf = async (server: Server, id: Run["id"]): Promise<string[]> =>
  (await allMessages(server.client, id)).flatMap(({ source, body }) => {
    if (source !== "runner") return [];
    if (body.type === "egress_allowed") return [`allowed ${body.host}`];
    return body.type === "egress_refused" ? [`refused ${body.record.host}`] : [];
  });
const fileOf = async ({ client }: Server, id: Run["id"], path: string): Promise<string> => {
  const { patch } = await client.runs.diff.query({ id });
  return patch.split("diff --git ").find((part) => part.includes(` b/${path}\n`)) ?? "";
};

describe.skipIf(outside === null).each(await driversUnderTest())("a host that a person allows on %s", (driver) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ driver, scenario, ...inside });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  it("is reached by the agent's next request and by its checks, and no other host is", async () => {
    const { server } = stack;
    const { client } = server;
    const port = outside?.port ?? 0;
    const before = outside?.requests.length ?? 0;
    const askedOutside = () => outside?.requests.slice(before);
    const asked = { instructions: "FETCH", checks: `$ test "$(curl -sf ${url(ONE, "check")})" = /check` };
    const id = await launchOn(server, stack.repositories, asked);
    expect(await untilRefused(server, id, ONE)).toMatchObject({ refusedBy: "policy", status: 403 });
    await expect(client.runs.allowHost.mutate({ id, host: "127.0.0.1", port })).rejects.toThrow(
      "only names of hosts can be allowed",
    );
    await expect(client.runs.allowHost.mutate({ id, host: "localhost", port })).rejects.toThrow("no sandbox may reach");
    // Where this name leads is known when it is asked for.
    await client.runs.allowHost.mutate({ id, host: INSIDE, port });
    // Another port is another thing.
    await client.runs.allowHost.mutate({ id, host: ONE });
    expect(askedOutside()).toEqual([]);
    const [once, twice] = await Promise.all([1, 2].map(() => client.runs.allowHost.mutate({ id, host: ONE, port })));
    expect(once?.allowedHosts).toEqual([
      { host: INSIDE, ports: [port] },
      { host: ONE, ports: [443, port] },
    ]);
    expect(twice?.allowedHosts).toEqual(once?.allowedHosts);
    expect(await server.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    expect(askedOutside()).toEqual([`${ONE} /one`, `${ONE} /check`]);
    expect(await fileOf(server, id, "one.txt")).toContain("+/one");
    const others = await fileOf(server, id, "others.txt");
    expect(others).toContain(`+${NEVER} 403`);
    expect(others).toContain(`+${INSIDE} 403`);
    expect((await requestsOf(server, id)).find(({ host }) => host === INSIDE)).toMatchObject({
      decision: "refused",
      refusedBy: "gateway",
      rule: expect.stringContaining("leads to 127.0.0.1, which is not a public address"),
    });
    const told = await toldOf(server, id);
    expect(told.filter((text) => text === `allowed ${ONE}`)).toHaveLength(2);
    expect(told.indexOf(`refused ${ONE}`)).toBeLessThan(told.indexOf(`allowed ${ONE}`));
    await expect(client.runs.allowHost.mutate({ id, host: NEVER, port })).rejects.toThrow("has ended");

    // What does the same once more is not refused it again.
    const again = await client.runs.retry.mutate({ id });
    expect(await server.untilFinal(again.id)).toMatchObject({ reason: "passed", allowedHosts: once?.allowedHosts });
    expect(await decisionsOf(server, again.id, ONE)).toBe("allowed");
  });

  it("is one that the environment names or its preset stands for, unless the launch says otherwise", async () => {
    const { server } = stack;
    const environment = await server.client.environments.create.mutate({
      name: "Packages",
      network: "packages",
      allowedHosts: [INSIDE, TWO].map((host) => ({ host, ports: [outside?.port ?? 0] })),
    });
    const launches: [string, Launch, string][] = [
      ["usual", { environmentId: environment.id }, "403 200 200 403"],
      ["less", { environmentId: environment.id, network: "none" }, "403 200 403 403"],
    ];
    const all = await Promise.all(
      launches.map(async ([idempotencyKey, launch, expected]) => {
        // What the agent may reach its checks may.
        const check = `$ test "$(curl -s -o /dev/null -w "%{http_code}" ${url(PACKAGES, "check")})" = ${expected.split(" ")[2]}`;
        const id = await launchOn(server, stack.repositories, { instructions: "TRY", checks: check, idempotencyKey, ...launch });
        const ended = await server.untilFinal(id);
        const codes = [...(await fileOf(server, id, "codes.txt")).matchAll(/^\+\S+ (\d+)$/gm)].map(([, code]) => code);
        return { ended, codes: codes.join(" "), expected };
      }),
    );
    for (const { ended, codes, expected } of all) {
      expect(codes, ended.sentence ?? "").toBe(expected);
      // Nobody allowed anything for a run alone.
      expect(ended).toMatchObject({ reason: "passed", allowedHosts: [] });
    }
    expect(all.map(({ ended: { network, networkBy } }) => [network, networkBy])).toEqual([
      ["packages", "environment"],
      ["none", "launch"],
    ]);
  });

  it("stays so when the server and its gateway are killed, and further ones can be allowed then", async () => {
    await using own = await startStack({ driver, scenario, ...inside });
    const port = outside?.port ?? 0;
    const id = await launchOn(own.server, own.repositories, {
      ...{ instructions: "BOTH", checks: `$ curl -sf ${url(TWO, "check")} && curl -sf ${url(PACKAGES, "check")}` },
      network: "packages",
    });
    await untilRefused(own.server, id, ONE);
    // Stored, and with that answered; whether the door had it by then does not matter.
    await own.server.client.runs.allowHost.mutate({ id, host: ONE, port });
    own.server.process.kill("SIGKILL");
    await own.server.stop();
    await using second = await own.restart();
    await untilRefused(second, id, TWO);
    for (const part of await findParts([own.folder.join("data")])) if (part.part === "gateway") process.kill(part.pid, "SIGKILL");
    await waitFor(() => second.output().includes("is started again in"), { what: "the gateway's end" });
    await second.client.runs.allowHost.mutate({ id, host: TWO, port });
    expect(await second.untilFinal(id)).toMatchObject({
      status: "succeeded",
      reason: "passed",
      allowedHosts: [
        { host: ONE, ports: [port] },
        { host: TWO, ports: [port] },
      ],
    });
    const codes = await fileOf(second, id, "codes.txt");
    expect(codes).toContain(`+${ONE} 200`);
    expect(codes).toContain(`+${PACKAGES} 200`);
    expect(codes).not.toContain(" 403");
    expect((await toldOf(second, id)).filter((text) => text.startsWith("allowed"))).toEqual([`allowed ${ONE}`, `allowed ${TWO}`]);
  });
});

describe.skipIf(outside === null)("a host that a person allows on a server that does not drive the run", () => {
  it("is let through by the one that does, and by the one that takes it over", async () => {
    await using postgres = await startPostgres();
    await using database = await postgres.createDatabase();
    await using folder = await temporaryFolder();
    await using model = await startScriptedModel({ scenario: parseScenario(scenario) });
    const port = outside?.port ?? 0;
    const serve = (name: string, environment: Record<string, string> = {}) =>
      startServer({
        dataDir: folder.join(name),
        driver: "bubblewrap",
        modelUrl: model.url,
        localRepositories: [folder.path],
        ...inside,
        environment: { ...packages, DATABASE_URL: database.url, ...environment },
      });
    await using one = await serve("one");
    const checks = `$ curl -sf ${url(ONE, "check")}`;
    const id = await launchOn(one, folder.path, { instructions: "BOTH", checks, network: "packages" });
    await untilRefused(one, id, ONE);
    await using two = await serve("two", { CCR_TOKEN: one.token });
    await two.client.runs.allowHost.mutate({ id, host: ONE, port });
    await untilRefused(two, id, TWO);
    expect(one.output()).not.toContain("is taken up");
    one.process.kill("SIGKILL");
    await one.stop();
    await waitFor(() => two.output().includes("is taken up"), { what: "the takeover", timeoutMs: 90_000 });
    await two.client.runs.allowHost.mutate({ id, host: TWO, port });
    expect(await two.untilFinal(id)).toMatchObject({ status: "succeeded", reason: "passed" });
    const codes = await fileOf(two, id, "codes.txt");
    expect(codes).toContain(`+${ONE} 200`);
    expect(codes).toContain(`+${PACKAGES} 200`);
    expect(codes).not.toContain(" 403");
  });
});
