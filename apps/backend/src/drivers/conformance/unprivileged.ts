import { projectRoot, temporaryFolder, waitFor } from "@ccr/testkit";
import { BubblewrapDriver } from "../bubblewrap/driver.ts";
import { createBubblewrapUsage } from "../bubblewrap/usage.ts";
import { COUNT_FORKS, hostProcesses, never, openSandbox } from "./sandbox.ts";

/*
 * A program, not a suite: what a plain user's server would do with the bubblewrap driver. A test runs it under another user and reads
 * the one line that it prints.
 */

await using folder = await temporaryFolder();
const options = { owner: "test", stateDir: folder.join("state"), projectRoot };
const open = () => new BubblewrapDriver(options);
const probe = await open().probe(never());
if (!probe.usable) {
  console.log(JSON.stringify({ probe }));
} else {
  const sandbox = await openSandbox(
    {
      image: "",
      open,
      elsewhere: { driver: "bubblewrap", options },
      openAsAnother: open,
      meter: createBubblewrapUsage(options),
      traces: async () => [],
      [Symbol.asyncDispose]: async () => {},
    },
    { limits: { processes: 100 } },
  );
  const status = await sandbox.output("cat /proc/self/status");
  const forks = await sandbox.output(COUNT_FORKS);
  const who = await sandbox.output("whoami; pwd");
  const network = await sandbox.output("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
  const writable = await sandbox.output(
    "for folder in / /dev /etc /opt/ccr /opt/ccr/compiled /opt/ccr/compiled/* /home; do touch $folder/x 2>/dev/null && echo $folder; done; true",
  );
  const compiled = await sandbox.output("cat /opt/ccr/compiled/*/* | wc -c");
  const marker = `ccr-left-${process.pid}`;
  await sandbox.output(
    `(setsid bash -c 'exec -a ${marker} sleep 600' > /dev/null 2>&1 < /dev/null &); until pgrep -f ^${marker}; do :; done`,
  );
  await sandbox.check("kill -9 $(pgrep -f ^/opt/ccr/node_modules/.bin/node)").catch(() => null);
  const ended = await waitFor(async () => {
    const state = await sandbox.driver.inspect(sandbox.handle);
    return state.status === "exited" && state;
  });
  await sandbox[Symbol.asyncDispose]();
  const after = await sandbox.driver.inspect(sandbox.handle);
  const left = { sandboxes: await sandbox.driver.list(), processes: await hostProcesses(marker) };
  console.log(JSON.stringify({ probe, status, forks, who, network, writable, compiled, ended, after, left }));
}
