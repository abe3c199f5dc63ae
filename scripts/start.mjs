// `npm start`: from a fresh checkout to a running server. Plain JavaScript on any Node >= 20, with nothing installed.
import { join } from "node:path";
import { handOver, SetupError } from "./setup/commands.mjs";
import { dependenciesAreCurrent, ensureDependencies, npmVersion, tooOld } from "./setup/dependencies.mjs";
import { pinnedEnvironment, pinnedNode, root } from "./setup/places.mjs";
import { ensureSandboxTools } from "./setup/sandbox.mjs";
import { runScript, stage } from "./setup/stages.mjs";
import { ensureWebUi } from "./setup/web-ui.mjs";

const args = process.argv.slice(2);
const onlyAsks = args.some((arg) => ["--help", "-h", "--version"].includes(arg));

const checkVersions = () => {
  const problems = tooOld();
  if (problems.length > 0) throw new SetupError(problems.join("\n"));
  const npm = npmVersion();
  return `${process.version}${npm === null ? "" : `, npm ${npm}`}`;
};

await runScript(async () => {
  if (onlyAsks && dependenciesAreCurrent()) {
    checkVersions();
  } else {
    await stage("Node", checkVersions);
    await stage("dependencies", ensureDependencies);
    if (!onlyAsks) {
      await stage("sandboxes", ensureSandboxTools);
      await stage("web UI", ensureWebUi);
    }
  }
  return handOver(pinnedNode, [join(root, "apps", "backend", "src", "main.ts"), ...args], { env: pinnedEnvironment() });
});
