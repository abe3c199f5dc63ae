import { parseArgs } from "node:util";
import { findPostgres, shareEngine } from "@ccr/testkit";
import { ownEngine } from "../src/drivers.ts";
import { type CampaignOptions, type CampaignResult, runCampaign } from "./campaign.ts";
import { PARTS, type PartName } from "./processes.ts";

const HELP = `Kills parts of the real servers while runs go on, and compares what is stored with what witnesses saw.

npm run test:faults -- [options]

  --seed N         the number from which everything follows (the time)
  --kills N        how many parts are killed (200)
  --driver NAME    bubblewrap or docker (bubblewrap)
  --database NAME  sqlite, or postgres: one of our own, which is killed like the rest (sqlite)
  --servers N      how many servers share the PostgreSQL, each with its own data folder and gateway (1)
  --parts LIST     of ${PARTS.join(",")} (all; engine with docker alone, database with postgres alone)
  --runs N         how many runs go on at once (3)
  --calls N        tool calls of one step of a run, which has two; a call makes two messages (45)
  --freeze N       every N-th fault stops a part for a while instead, a server for longer than a lease (8; 0: none)
  --pause MS       the longest time between two faults (3000)
  --minutes N      stop the faults after so long (60)
  --help           show this
`;

const fail = (text: string): never => {
  process.stderr.write(`${text}\nSee npm run test:faults -- --help.\n`);
  process.exit(1);
};
const parse = () => {
  try {
    return parseArgs({
      options: {
        seed: { type: "string", default: String(Date.now() % 1_000_000) },
        kills: { type: "string", default: "200" },
        driver: { type: "string", default: "bubblewrap" },
        database: { type: "string", default: "sqlite" },
        servers: { type: "string", default: "1" },
        parts: { type: "string" },
        runs: { type: "string", default: "3" },
        calls: { type: "string", default: "45" },
        freeze: { type: "string", default: "8" },
        pause: { type: "string", default: "3000" },
        minutes: { type: "string", default: "60" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
};
const values = parse();
if (values.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}

const whole = (name: "seed" | "kills" | "servers" | "runs" | "calls" | "freeze" | "pause" | "minutes", least = 0): number =>
  /^\d{1,9}$/.test(values[name]) && Number(values[name]) >= least
    ? Number(values[name])
    : fail(`--${name} must be a whole number${least === 0 ? "" : `, at least ${least}`}`);
const driver =
  values.driver === "docker" || values.driver === "bubblewrap" ? values.driver : fail("--driver must be bubblewrap or docker");
const database =
  values.database === "sqlite" || values.database === "postgres"
    ? values.database
    : fail("--database must be sqlite or postgres");
const servers = whole("servers", 1);
if (servers > 1 && database === "sqlite") fail("several --servers need --database postgres");
const found = database === "postgres" ? findPostgres() : null;
if (found !== null && "why" in found) fail(found.why);
const possible = PARTS.filter(
  (part) => (part !== "engine" || driver === "docker") && (part !== "database" || database === "postgres"),
);
const partOf = (name: string): PartName =>
  possible.find((part) => part === name) ?? fail(`--parts: '${name}' is none of ${possible.join(", ")}`);
const parts = values.parts === undefined ? possible : values.parts.split(",").map(partOf);
const seed = whole("seed");
const wanted = {
  seed,
  driver,
  database,
  servers,
  parts,
  kills: whole("kills"),
  runsAtOnce: whole("runs", 1),
  script: { calls: whole("calls", 1), thinkMs: 60 },
  freezeEvery: whole("freeze"),
  pauseMs: whole("pause"),
  limitMs: whole("minutes") * 60_000,
} satisfies CampaignOptions;

const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => stopped.abort(new Error(`ended by ${signal}`, { cause: signal })));

/** null: ended before its time. */
const campaign = async (): Promise<CampaignResult | null> => {
  await using stack = new AsyncDisposableStack();
  stack.use(shareEngine());
  process.stdout.write(`seed ${seed}\n`);
  const own = parts.includes("engine") ? await ownEngine() : null;
  if (own !== null && "why" in own) return fail(own.why);
  if (own !== null) stack.use(own.engine);
  const result = await runCampaign({
    ...wanted,
    ...(own === null ? {} : { control: own.engine, engine: own.variables }),
    signal: stopped.signal,
    say: (line) => process.stdout.write(`${line}\n`),
  }).catch((error: unknown) => {
    if (!stopped.signal.aborted) throw error;
    process.stdout.write("ended before its time; nothing was judged\n");
    return null;
  });
  if (result === null) return null;
  process.stdout.write(`\n${result.report}\n`);
  if (result.evidence !== null) process.stdout.write(`\nWhat was seen is kept in ${result.evidence}; again: --seed ${seed}\n`);
  return result;
};

const result = await campaign();
process.exitCode = result?.findings.length === 0 ? 0 : 1;
