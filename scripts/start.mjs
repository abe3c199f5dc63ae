// `npm start`: from a fresh checkout to a running server. Plain JavaScript on any Node >= 20, with nothing installed.
import { handOver, SetupError } from "./setup/commands.mjs";
import { dependenciesAreCurrent, ensureDependencies, npmVersion, tooOld } from "./setup/dependencies.mjs";
import { pinnedNode, serverProgram } from "./setup/places.mjs";
import { ensureSandboxTools } from "./setup/sandbox.mjs";
import { runScript, stage } from "./setup/stages.mjs";
import { ensureWebUi } from "./setup/web-ui.mjs";

const args = process.argv.slice(2);
const driver = args
  .findLast((arg, index) => arg.startsWith("--driver=") || args[index - 1] === "--driver")
  ?.replace("--driver=", "");
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
    await stage("node", checkVersions);
    await stage("dependencies", ensureDependencies);
    if (!onlyAsks) {
      await stage("tools", (say) => ensureSandboxTools(driver ?? process.env.CCR_DRIVER ?? "auto", say));
      await stage("web UI", ensureWebUi);
    }
  }
  const server = serverProgram();
  return handOver(pinnedNode, [...server.args, ...args], { env: server.env });
});
