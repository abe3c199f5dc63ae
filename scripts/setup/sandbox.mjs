import { SetupError } from "./commands.mjs";
import { probeEngine } from "./engine.mjs";
import { canInstall, howToInstall, installTools, missingTools } from "./tools.mjs";

const GIT = { program: "git", packages: ["git"], for: "copies of repositories" };
const BUBBLEWRAP = { program: "bwrap", packages: ["bubblewrap"], for: "sandboxes" };

/**
 * Sees to it that sandboxes can be made: by a Docker Engine that answers, else by bubblewrap, which is installed when we may.
 * @param {string} wanted the driver that the person wants, or `auto`
 * @param {(text: string) => void} say
 * @returns {Promise<string>} by what sandboxes will be made, for people
 */
export const ensureSandboxTools = async (wanted, say) => {
  const engine = wanted === "bubblewrap" ? null : await probeEngine(process.env);
  // Which driver is used, and whether a wish for Docker can be met, is the server's to say; here is only what must be installed.
  const needed = wanted === "docker" || engine?.answers === true ? [GIT] : [GIT, BUBBLEWRAP];
  const missing = missingTools(needed);
  if (missing.length > 0) {
    const names = missing.map(({ program }) => program).join(" and ");
    if (!canInstall()) {
      const instead = engine?.answers === false ? `\n  Or start Docker: ${engine.why}.` : "";
      throw new SetupError(
        `Not installed here: ${missing.map((tool) => `${tool.program} (for ${tool.for})`).join(", ")}. Run this, then start again:\n\n    ${howToInstall(missing)}\n${instead}`,
      );
    }
    say(`installing ${names} with apt-get`);
    await installTools(missing);
  }
  if (engine?.answers === true) return engine.sentence;
  if (wanted === "docker" && engine !== null) return `${engine.why}`;
  return `bubblewrap${engine === null ? "" : `: ${engine.why}`}`;
};
