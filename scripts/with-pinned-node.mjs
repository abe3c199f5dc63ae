// Runs a TypeScript file of the project on the Node that it pins: node scripts/with-pinned-node.mjs FILE [ARGUMENT...]
import { join } from "node:path";
import { handOver, SetupError } from "./setup/commands.mjs";
import { dependenciesAreCurrent, ensureDependencies, tooOld } from "./setup/dependencies.mjs";
import { pinnedEnvironment, pinnedNode, root } from "./setup/places.mjs";
import { runScript, stage } from "./setup/stages.mjs";

const [file, ...args] = process.argv.slice(2);

await runScript(async () => {
  if (file === undefined) throw new SetupError("Name the file to run: node scripts/with-pinned-node.mjs FILE [ARGUMENT...]");
  const problems = tooOld();
  if (problems.length > 0) throw new SetupError(problems.join("\n"));
  // What the program prints may be read by another: nothing of ours comes before it when there is nothing to do.
  if (!dependenciesAreCurrent()) await stage("dependencies", ensureDependencies);
  return handOver(pinnedNode, [join(root, file), ...args], { env: pinnedEnvironment() });
});
