import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createConnection, createServer, type Server as NetServer, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { isFinal } from "@ccr/protocol";
import { parseScenario, startScriptedModel } from "@ccr/scripted-model";
import { createGitRepository, pinnedNode, projectRoot, temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { dockerEnvironment, driversUnderTest } from "./src/drivers.ts";
import { allMessages, startServer } from "./src/server.ts";
import { quietModel, startStack } from "./src/stack.ts";

const run = promisify(execFile);
const step = { instructions: "Do nothing.", checks: "" };
const hasDocker = (await driversUnderTest()).some(([driver]) => driver === "docker");

/** An engine's socket that can be taken away and given back, before the real one. */
const switchableEngine = async (socketPath: string, realSocket: string) => {
  const open = new Set<Socket>();
  let server: NetServer | null = null;
  const up = async () => {
    server = createServer((near) => {
      const far = createConnection(realSocket);
      for (const socket of [near, far]) {
        open.add(socket);
        socket.on("error", () => socket.destroy()).on("close", () => open.delete(socket));
      }
      near.pipe(far).pipe(near);
    });
    server.listen(socketPath);
    await once(server, "listening");
  };
  const down = async () => {
    const closing = server;
    server = null;
    if (closing === null) return;
    closing.close();
    for (const socket of open) socket.destroy();
    await rm(socketPath, { force: true });
  };
  await up();
  return { up, down, [Symbol.asyncDispose]: down };
};

describe.runIf(hasDocker)("a Docker Engine that is down", () => {
  it("ends a run with a plain reason, keeps the task, and is used again when it is back", async () => {
    const { DOCKER_HOST = "", ...environment } = await dockerEnvironment();
    await using folder = await temporaryFolder();
    await using engine = await switchableEngine(folder.join("engine.sock"), DOCKER_HOST.replace("unix://", ""));
    await using stack = await startStack({
      driver: "docker",
      environment: { ...environment, DOCKER_HOST: `unix://${folder.join("engine.sock")}` },
    });
    const { server, repositories } = stack;
    await using repository = await createGitRepository({ path: `${repositories}/a`, files: { a: "a\n" } });
    const task = await server.client.tasks.create.mutate({ name: "Later", steps: [step], allowNoChanges: true });
    const input = { taskId: task.id, repository: repository.path };

    await engine.down();
    const refused = await server.client.runs.create.mutate(input);
    const ended = await server.untilFinal(refused.id);
    expect(ended).toMatchObject({ status: "errored", reason: "driver_unavailable" });
    expect(ended.sentence).toMatch(/engine/i);
    expect(await server.client.tasks.byId.query({ id: task.id })).toEqual(task);

    await engine.up();
    const again = await server.client.runs.create.mutate(input);
    expect(await server.untilFinal(again.id)).toMatchObject({ status: "succeeded" });
  });

  it("ends the start of a server that shall use it with one clear line", async () => {
    await using folder = await temporaryFolder();
    const child = spawn(pinnedNode, [join(projectRoot, "apps/backend/src/main.ts"), "--port", "0", "--driver", "docker"], {
      env: { PATH: process.env.PATH ?? "", CCR_DATA_DIR: folder.join("data"), DOCKER_HOST: `unix://${folder.join("none.sock")}` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const [code] = await once(child, "close");
    expect(code).toBe(1);
    expect(said.trim().split("\n")).toHaveLength(1);
    expect(said).toContain("none.sock");
  });
});

// Mounting needs root, as in CI; elsewhere there is no small disk to fill.
describe.runIf(process.getuid?.() === 0)("a full disk", () => {
  it("loses nothing, refuses what it cannot keep in plain words, and works on when there is room again", async () => {
    await using folder = await temporaryFolder();
    const disk = folder.join("disk");
    await mkdir(disk);
    await run("/bin/mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]);
    try {
      await using model = await startScriptedModel({ scenario: quietModel() });
      await using repository = await createGitRepository({ files: { a: "a\n" } });
      await using server = await startServer({
        dataDir: join(disk, "data"),
        driver: "bubblewrap",
        modelUrl: model.url,
        localRepositories: [repository.path],
        // The guard would let nothing start on so small a disk.
        environment: { CCR_MIN_FREE_DISK_MB: "0" },
      });
      const { client } = server;
      const task = await client.tasks.create.mutate({ name: "Full", steps: [step], allowNoChanges: true });
      const first = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
      expect(await server.untilFinal(first.id)).toMatchObject({ status: "succeeded" });

      await writeFile(join(disk, "filler"), Buffer.alloc(64 * 1024 * 1024)).catch(() => {});
      const refused = await server.fetch("/trpc/tasks.create", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          name: "x".repeat(150),
          steps: Array.from({ length: 50 }, () => ({ ...step, instructions: "y".repeat(20_000) })),
        }),
      });
      expect(refused.status).toBe(507);
      expect(JSON.stringify(await refused.json())).toMatch(/disk/i);
      expect(await client.tasks.list.query()).toEqual([task]);

      await rm(join(disk, "filler"));

      // And in the middle of a run, whose end cannot even be stored until there is room again.
      model.setScenario(
        parseScenario({
          name: "endless",
          rules: [
            {
              turns: [
                {
                  blocks: [{ type: "tool_use", name: "Bash", input: { command: "sleep 0.1", description: "Work" } }],
                  repeat: 500,
                },
              ],
            },
          ],
        }),
      );
      const going = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
      await waitFor(async () => (await client.runs.byId.query({ id: going.id })).lastSeq > 20, { what: "a run at work" });
      await writeFile(join(disk, "filler"), Buffer.alloc(64 * 1024 * 1024)).catch(() => {});
      await waitFor(() => /cannot be used now|run errored/.test(server.output()), {
        what: "the disk to be noticed",
      });
      await rm(join(disk, "filler"));
      // What was waiting to be stored is stored, and the run goes on; unless its own spool had no room, which ends it in plain words.
      const before = (await client.runs.byId.query({ id: going.id })).lastSeq;
      const after = await waitFor(
        async () => {
          const run = await client.runs.byId.query({ id: going.id });
          return (isFinal(run.status) || run.lastSeq > before + 10) && run;
        },
        { what: "the run to go on or to end" },
      );
      if (isFinal(after.status)) expect(after).toMatchObject({ status: "errored", reason: "disk_full" });
      else {
        await client.runs.cancel.mutate({ id: going.id });
        expect(await server.untilFinal(going.id)).toMatchObject({ status: "canceled" });
      }
      const messages = await allMessages(client, going.id);
      expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
      model.setScenario(quietModel());
      const again = await client.runs.create.mutate({ taskId: task.id, repository: repository.path });
      expect(await server.untilFinal(again.id)).toMatchObject({ status: "succeeded" });
      expect((await client.runs.list.query()).map(({ id }) => id)).toEqual([again.id, going.id, first.id]);
    } finally {
      await run("/bin/umount", ["--lazy", disk]);
    }
  });
});
