// `npm run check`: types, lint, format, walls, unused code, documents. All of it runs, also when one part fails.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { lastLines, runQuietly, SetupError } from "./setup/commands.mjs";
import { dependenciesAreCurrent, ensureDependencies, tooOld } from "./setup/dependencies.mjs";
import { pinnedEnvironment, pinnedNode, root } from "./setup/places.mjs";
import { dim, duration, green, red, runScript, stage } from "./setup/stages.mjs";

const bin = (/** @type {string} */ name) => join(root, "node_modules", ".bin", name);
const tsc = (/** @type {string} */ project) => [bin("tsc"), "--noEmit", "-p", project];

/** @type {{ name: string, command: string[] }[]} */
const CHECKS = [
  { name: "types: server", command: tsc(".") },
  { name: "types: web UI", command: tsc("apps/frontend") },
  { name: "types: scripts", command: tsc("scripts") },
  { name: "lint, format", command: [bin("biome"), "check", "--error-on-warnings", "--max-diagnostics=100", "--colors=off"] },
  { name: "walls", command: ["scripts/walls.mjs"] },
  { name: "unused code", command: [bin("knip"), "--no-progress", "--treat-config-hints-as-errors"] },
  { name: "documents", command: ["scripts/document-paths.mjs"] },
  { name: "lock file", command: ["scripts/lock-file.mjs"] },
];

/** @param {{ name: string, command: string[] }} check */
const runCheck = async ({ name, command }) => {
  const started = performance.now();
  const { ok, output } = await runQuietly(pinnedNode, command, { cwd: root, env: { ...pinnedEnvironment(), NO_COLOR: "1" } });
  const took = dim(`(${duration(performance.now() - started)})`);
  console.log(`  ${ok ? green("passed") : red("FAILED")}  ${name.padEnd(15)} ${took}`);
  if (!ok) console.log(lastLines(output, 400));
  return ok;
};

await runScript(async () => {
  const problems = tooOld();
  if (problems.length > 0) throw new SetupError(problems.join("\n"));
  if (!dependenciesAreCurrent()) await stage("dependencies", ensureDependencies);
  const started = performance.now();
  const waiting = [...CHECKS];
  let failed = 0;
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      if (!(await runCheck(check))) failed++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  const took = dim(`(${duration(performance.now() - started)})`);
  console.log(`\n${failed === 0 ? "Everything passed" : red(`${failed} of ${CHECKS.length} failed`)} ${took}`);
  return failed === 0 ? 0 : 1;
});
