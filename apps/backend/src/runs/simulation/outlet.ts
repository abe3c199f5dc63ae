import type { Outlet } from "../deps.ts";
import type { Host } from "./engine.ts";
import { keptKey } from "./surroundings.ts";
import type { World } from "./world.ts";

/** The repositories' host: branches and pull requests, as everybody sees them. */
export type Remote = {
  /** By the repository and the branch. */
  branches: Map<string, string>;
  /** By the same. */
  requests: Map<string, number>;
};

export const emptyRemote = (): Remote => ({ branches: new Map(), requests: new Map() });

const unreachable = { kind: "failed", again: true, message: "The host could not be reached." } as const;

/** The way to it of one server. Pushes are refused, do not arrive, or their answer gets lost. */
export const outletOf = (world: World, { process, server }: Pick<Host, "process" | "server">): Outlet => {
  const { random, remote } = world;
  return {
    push: (checkout, { branch, isOurs }, signal) =>
      process.call(
        "outlet.push",
        () => {
          const { runId, repository } = checkout;
          const kept = world.kept.get(keptKey(server, checkout));
          if (kept === undefined) return { kind: "failed", again: false, message: "Nothing is kept here.", commit: null };
          if (kept.units.length === 0) return { kind: "unchanged" };
          const commit = kept.snapshot.snapshotCommit;
          if (random.chance(0.05)) return { kind: "failed", again: false, message: "The branch is protected.", commit };
          if (random.chance(0.2)) return { ...unreachable, commit };
          const tip = remote.branches.get(`${repository} ${branch}`);
          if (tip !== undefined && tip !== commit && !isOurs(tip)) world.violate(`${runId} would overwrite ${tip} on ${branch}`);
          world.log(`${process.name} pushes ${commit} of ${runId} to ${branch} of ${repository}`);
          remote.branches.set(`${repository} ${branch}`, commit);
          return random.chance(0.1) ? { ...unreachable, commit } : { kind: "pushed", commit, base: "main" };
        },
        { signal, wayMs: 2000 },
      ),
    propose: ({ repository }, { headBranch }, signal) =>
      process.call(
        "outlet.propose",
        () => {
          if (random.chance(0.1)) return unreachable;
          const head = `${repository} ${headBranch}`;
          if (!remote.branches.has(head)) world.violate(`a request is opened for ${head}, which is not there`);
          const number = remote.requests.get(head) ?? remote.requests.size + 1;
          remote.requests.set(head, number);
          return { kind: "open", number, url: `https://host.test/pull/${number}`, notes: [] };
        },
        { signal, wayMs: 2000 },
      ),
    withdraw: async () => {},
    author: { name: "runner", email: "runner@example.test" },
    linkTo: (id) => `https://runner.test/runs/${id}`,
    hide: (text) => text,
  };
};
