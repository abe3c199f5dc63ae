import { probeEngine } from "../setup/engine.mjs";
import { canInstall, hasTool, howToInstall, installTools, missingTools } from "../setup/tools.mjs";

/** @typedef {import("../setup/tools.mjs").Tool} Tool */

/** @type {Tool[]} */
const TOOLS = [
  { program: "git", packages: ["git"], for: "tests with repositories (nearly all)" },
  { program: "curl", packages: ["curl"], for: "the test of the commands in the README" },
  { program: "ssh-keygen", packages: ["openssh-client"], for: "tests of ssh keys" },
  { program: "ps", packages: ["procps"], for: "tests that look for processes" },
  { program: "bwrap", packages: ["bubblewrap"], for: "tests of bubblewrap sandboxes" },
  {
    program: "initdb",
    below: "/usr/lib/postgresql",
    packages: ["postgresql"],
    for: "tests of the store in PostgreSQL, each on a server of its own",
  },
  { program: "faketime", packages: ["faketime"], for: "tests of a clock that is set while runs go on" },
  { program: "chromium", packages: ["chromium", "fonts-dejavu-core"], for: "tests in a browser" },
];

/** For an engine of our own, which only root can start. */
/** @type {Tool[]} */
const ENGINE_TOOLS = [
  { program: "dockerd", packages: ["docker.io", "iptables"], for: "tests on the Docker Engine" },
  { program: "mmdebstrap", packages: ["mmdebstrap"], for: "the Docker Engine's base image, made without a registry" },
];

/**
 * Installs what tests need where we may, and says what is missing and so will be skipped where we may not.
 * @param {(text: string) => void} say
 * @returns {Promise<{ summary: string, missing: { what: string, how: string }[] }>}
 */
export const ensureTestTools = async (say) => {
  const isRoot = process.getuid?.() === 0;
  const engine = await probeEngine(process.env);
  const wanted = [...TOOLS, ...(isRoot && process.platform === "linux" ? ENGINE_TOOLS : [])];
  const absent = missingTools(wanted);
  if (absent.length > 0 && canInstall()) {
    say(`installing ${absent.map(({ program }) => program).join(", ")} with apt-get`);
    await installTools(absent);
  }
  const still = missingTools(wanted);
  const missing = still.map((tool) => ({ what: `${tool.program} is missing: skips ${tool.for}`, how: howToInstall([tool]) }));
  if (!engine.answers && !isRoot)
    missing.push({
      what: `${engine.why}, and only root can start one for the tests: skips tests on the Docker Engine`,
      how: "start Docker, or run npm test as root on Debian",
    });
  const summary = wanted.filter(hasTool).map(({ program }) => program);
  return { summary: summary.join(", "), missing };
};
