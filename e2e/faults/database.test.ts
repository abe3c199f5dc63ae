import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { findPostgres, pinnedNode } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { expectNothingWrong, lasting } from "./cases.ts";
import { startTrial } from "./trial.ts";

const SCRIPT = { calls: 15, thinkMs: 40 };
const LOCKED_MS = 20_000;

/** A process of its own that holds the only right to write for as long as it lives. */
const lockDatabase = async (path: string): Promise<AsyncDisposable> => {
  const program = `
    const { DatabaseSync } = require("node:sqlite");
    const database = new DatabaseSync(process.argv[1], { timeout: 30000 });
    database.exec("BEGIN EXCLUSIVE");
    console.log("locked");
    process.stdin.resume();
    process.stdin.once("end", () => { database.exec("ROLLBACK"); process.exit(); });`;
  const child = spawn(pinnedNode, ["-e", program, path], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [said] = await once(child.stdout.setEncoding("utf8"), "data");
  expect(said).toBe("locked\n");
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await exited;
    },
  };
};

// Each has servers of its own, and mostly waits: they do so together.
it.concurrent("a database that another process has locked for a while does not end a run, and loses nothing", async () => {
  await using trial = await startTrial({ driver: "bubblewrap", seed: 1, script: SCRIPT });
  const run = await trial.launch();
  await trial.reached(run, 30);
  {
    await using _locked = await lockDatabase(join(trial.dataDirs[0] ?? "", "runner.db"));
    await lasting(LOCKED_MS);
  }
  await expectNothingWrong(trial, [run]);
});

const postgres = findPostgres();

describe.runIf(!("why" in postgres))("a PostgreSQL", { concurrent: true }, () => {
  it.each(["fast", "immediate"] as const)(
    "that is stopped (%s) and comes back does not end a run, and loses nothing",
    async (mode) => {
      await using trial = await startTrial({ driver: "bubblewrap", seed: 2, script: SCRIPT, database: "postgres" });
      const run = await trial.launch();
      await trial.reached(run, 30);
      await trial.database?.stop(mode);
      await lasting(8_000);
      await trial.database?.start();
      await expectNothingWrong(trial, [run]);
    },
  );
});
