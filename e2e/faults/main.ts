import { parseArgs } from "node:util";
import { shareEngine } from "@ccr/testkit";
import { ownEngine } from "../src/drivers.ts";
import { type CampaignOptions, runCampaign } from "./campaign.ts";
import { PARTS, type PartName } from "./processes.ts";

const HELP = `Kills parts of the real server while runs go on, and compares what is stored with what witnesses saw.

npm run test:faults -- [options]

  --seed N         the number from which everything follows (the time)
  --kills N        how many parts are killed (200)
  --driver NAME    bubblewrap or docker (bubblewrap)
  --parts LIST     of ${PARTS.join(",")} (all; engine with docker alone)
  --runs N         how many runs go on at once (3)
  --calls N        tool calls of one step of a run, which has two; a call makes two messages (45)
  --freeze N       every N-th fault stops a part for a while instead (8; 0: none)
  --pause MS       the longest time between two faults (3000)
  --minutes N      stop the faults after so long (60)
  --help           show this
`;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    kills: { type: "string", default: "200" },
    driver: { type: "string", default: "bubblewrap" },
    parts: { type: "string" },
    runs: { type: "string", default: "3" },
    calls: { type: "string", default: "45" },
    freeze: { type: "string", default: "8" },
    pause: { type: "string", default: "3000" },
    minutes: { type: "string", default: "60" },
    help: { type: "boolean" },
  },
});
if (values.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}

const fail = (text: string): never => {
  process.stderr.write(`${text}\nSee npm run test:faults -- --help.\n`);
  process.exit(1);
};
const whole = (name: "seed" | "kills" | "runs" | "calls" | "freeze" | "pause" | "minutes"): number =>
  /^\d+$/.test(values[name]) ? Number(values[name]) : fail(`--${name} must be a whole number`);
const driver =
  values.driver === "docker" || values.driver === "bubblewrap" ? values.driver : fail("--driver must be bubblewrap or docker");
const possible = PARTS.filter((part) => part !== "engine" || driver === "docker");
const partOf = (name: string): PartName =>
  possible.find((part) => part === name) ?? fail(`--parts: '${name}' is none of ${possible.join(", ")}`);
const parts = values.parts === undefined ? possible : values.parts.split(",").map(partOf);

await using stack = new AsyncDisposableStack();
stack.use(shareEngine());
const seed = whole("seed");
process.stdout.write(`seed ${seed}\n`);
const own = parts.includes("engine") ? await ownEngine() : null;
if (own !== null && "why" in own) fail(own.why);
const engine = own === null || "why" in own ? null : own;
if (engine !== null) stack.use(engine.engine);
const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stopped.abort(new Error(`ended by ${signal}`)));
const options: CampaignOptions = {
  signal: stopped.signal,
  seed,
  driver,
  parts,
  ...(engine === null ? {} : { control: engine.engine, engine: engine.variables }),
  kills: whole("kills"),
  runsAtOnce: whole("runs"),
  script: { calls: whole("calls"), thinkMs: 60 },
  freezeEvery: whole("freeze"),
  pauseMs: whole("pause"),
  limitMs: whole("minutes") * 60_000,
  say: (line) => process.stdout.write(`${line}\n`),
};
const result = await runCampaign(options).catch((error: unknown) => {
  if (!stopped.signal.aborted) throw error;
  process.stdout.write("ended before its time; nothing was judged\n");
  return null;
});
if (result !== null) process.stdout.write(`\n${result.report}\n`);
if (typeof result?.evidence === "string")
  process.stdout.write(`\nWhat was seen is kept in ${result.evidence}; again: --seed ${seed}\n`);
process.exitCode = result?.findings.length === 0 ? 0 : 1;
