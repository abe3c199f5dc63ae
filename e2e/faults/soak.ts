import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findPostgres, projectRoot, shareEngine, startPostgres } from "@ccr/testkit";
import { describeMachine, table, writeJson } from "./figures.ts";
import { soakMessages } from "./many-messages.ts";
import { soakRuns } from "./many-runs.ts";

const HELP = `Measures what stays behind after many runs, and what many messages cost.

npm run soak -- [options]

  --runs N         short runs, one after the other (1000 unless --messages is given)
  --messages N     one run of so many messages
  --driver NAME    bubblewrap or docker (bubblewrap)
  --at-once N      how many runs go on at once (2)
  --every N        a sample after so many runs (50)
  --postgres       on a PostgreSQL of our own instead of SQLite
  --out FILE       where the figures go (bench-results/soak.json); what is not measured again stays in it
`;

const { values } = parseArgs({
  options: {
    runs: { type: "string" },
    messages: { type: "string" },
    driver: { type: "string", default: "bubblewrap" },
    "at-once": { type: "string", default: "2" },
    every: { type: "string", default: "50" },
    postgres: { type: "boolean", default: false },
    out: { type: "string", default: join(projectRoot, "bench-results", "soak.json") },
    help: { type: "boolean" },
  },
});
if (values.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
const fail = (text: string): never => {
  process.stderr.write(`${text}\nSee npm run soak -- --help.\n`);
  process.exit(1);
};
const count = (name: "runs" | "messages" | "at-once" | "every"): number => {
  const value = values[name] ?? "0";
  return /^\d+$/.test(value) ? Number(value) : fail(`--${name} must be a whole number`);
};
const driver =
  values.driver === "docker" || values.driver === "bubblewrap" ? values.driver : fail("--driver must be bubblewrap or docker");
const messages = count("messages");
const runs = values.runs === undefined && messages === 0 ? 1000 : count("runs");

const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.abort(new Error(`ended by ${signal}`)));

await using parts = new AsyncDisposableStack();
parts.use(shareEngine());
const found = values.postgres ? findPostgres() : null;
if (found !== null && "why" in found) fail(found.why);
const postgres = found === null ? null : parts.use(await startPostgres());
const results: Record<string, unknown> = {};
const name = `${driver}${postgres === null ? "" : " on PostgreSQL"}`;
if (runs > 0) {
  const samples = await soakRuns({
    driver,
    runs,
    atOnce: Math.max(1, count("at-once")),
    every: Math.max(1, count("every")),
    postgres,
    signal: stopped.signal,
    sampled: (sample) => process.stdout.write(`${JSON.stringify(sample)}\n`),
  });
  results[`runs, ${name}`] = samples;
  process.stdout.write(
    `\n${table(samples.map((sample) => ({ ...sample, databaseConnections: sample.databaseConnections ?? "-" })))}\n`,
  );
}
if (messages > 0) {
  const figures = await soakMessages({
    driver,
    messages,
    signal: stopped.signal,
    say: (line) => process.stdout.write(`${line}\n`),
  });
  results[`messages, ${driver}`] = figures;
  process.stdout.write(`\n${JSON.stringify(figures, null, 2)}\n`);
}
const before: Record<string, unknown> = JSON.parse(await readFile(values.out, "utf8").catch(() => "{}"));
await writeJson(values.out, { ...before, at: new Date().toISOString(), machine: describeMachine(), ...results });
process.stdout.write(`written to ${values.out}\n`);
