import type { Config } from "../config.ts";
import { createForges } from "../forges/forges.ts";
import { createHosts } from "../forges/hosts.ts";
import { createBranches } from "../git/branches.ts";
import { createMirrorUse } from "../git/mirror-use.ts";
import { createMirrors } from "../git/mirrors.ts";
import { createPushes } from "../git/push.ts";
import { createMirrorRetention } from "../git/retention.ts";
import { createKeptWork } from "../git/work.ts";
import type { Outlet } from "../runs/deps.ts";
import { removeFolder } from "../runs/places.ts";

/** Builds all that reaches repositories and their hosts, and what is kept of them: each with the same credentials and folders. */
export const openGit = (
  options: { config: Config; localRepositoryRoots: readonly string[] } & Pick<Outlet, "hide" | "linkTo">,
) => {
  const { config, localRepositoryRoots, hide, linkTo } = options;
  const { dataDir, gitEnvironment: environment } = config;
  const use = createMirrorUse();
  const forges = createForges(config.gitHosts);
  const hosts = createHosts(forges);
  const { credential } = forges;
  const mirrors = createMirrors({ use, dataDir, localRepositoryRoots, credential, environment });
  const work = createKeptWork({ dataDir, mirrors, removeFolder, environment });
  const timeoutMs = config.pushSeconds * 1000;
  const pushes = createPushes({ dataDir, localRepositoryRoots, credential, work, environment, timeoutMs });
  const outlet: Outlet = {
    push: pushes.push,
    propose: hosts.propose,
    withdraw: hosts.close,
    author: config.commitAuthor,
    linkTo,
    hide,
  };
  return {
    hosts,
    mirrors,
    mirrorRetention: createMirrorRetention({ dataDir, use, pins: mirrors }),
    branches: createBranches({ dataDir, localRepositoryRoots, credential, environment }),
    work,
    outlet,
  };
};
