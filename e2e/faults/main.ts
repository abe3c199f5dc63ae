import { parseArgs } from "node:util";
import { findPostgres, shareEngine } from "@ccr/testkit";
import { ownEngine } from "../src/drivers.ts";
import { type CampaignOptions, type CampaignResult, runCampaign } from "./campaign.ts";
import { describeMachine, writeJson } from "./figures.ts";
import { type CaseTotals, fixedCases, runFixedCases } from "./fixed-cases.ts";
import { PARTS, type PartName } from "./processes.ts";

const HELP = `Does to the real server what a machine, a network and a person do at the worst moment, and compares what is stored with what
witnesses saw. First the fixed cases, each a test: a full disk, a database that is locked or gone, a model that falls silent, a clock that
is set, servers that are killed or cut off. Then the campaign: parts are killed and frozen at random while runs go on. Ends with 1 when
anything is wrong.

npm run test:faults -- [options]

  --only WHAT      cases or campaign (both)
  --out FILE       also writes what came of it, with the figures, as JSON
  --help           show this

Of the campaign:

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
`;

const fail = (text: string): never => {
  process.stderr.write(`${text}\nSee npm run test:faults -- --help.\n`);
  process.exit(1);
};
const parse = () => {
  try {
    return parseArgs({
      options: {
        only: { type: "string" },
        out: { type: "string" },
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
const only =
  values.only === undefined || values.only === "cases" || values.only === "campaign"
    ? values.only
    : fail("--only must be cases or campaign");
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

const cases: CaseTotals | null = only === "campaign" ? null : await runFixedCases(await fixedCases(), stopped.signal);
const result = only === "cases" || stopped.signal.aborted ? null : await campaign();
const isCampaignWell = only === "cases" || result?.findings.length === 0;
const isWell = cases?.isWell !== false && isCampaignWell && !stopped.signal.aborted;
if (values.out !== undefined) {
  const outcome = result === null ? null : { ...wanted, ...result };
  await writeJson(values.out, { at: new Date().toISOString(), machine: describeMachine(), isWell, cases, campaign: outcome });
  process.stdout.write(`written to ${values.out}\n`);
}
if (cases !== null) process.stdout.write(`\nfixed cases: ${cases.summary}\n`);
process.exitCode = isWell ? 0 : 1;
