import { isRefName } from "./refs.ts";

/** What a remote answered: where its HEAD leads, and the tips of the branches that were asked for. */
export interface RemoteRefs {
  defaultBranch: string | null;
  tips: ReadonlyMap<string, string>;
}

/** Reads the answer of `ls-remote --symref`. Pure. */
export const readRemoteRefs = (answer: string): RemoteRefs => {
  const tips = new Map<string, string>();
  for (const [, commit = "", branch = ""] of answer.matchAll(/^([0-9a-f]{40,64})\trefs\/heads\/(\S+)$/gm))
    tips.set(branch, commit);
  return { defaultBranch: /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(answer)?.[1] ?? null, tips };
};

export type PushPlan =
  | { kind: "there" }
  /** `expected`: what the branch must lead to when it is moved; null: it must not be there. */
  | { kind: "push"; expected: string | null }
  | { kind: "refused"; why: string };

/**
 * Whether a commit may go to a branch: to one of our own, never to the repository's default branch nor to the one that the work is for; and a
 * branch that is there is only moved forwards, or away from what this server itself pushed. Pure.
 */
export const planPush = (options: {
  branch: string;
  commit: string;
  /** The branch that the work is for, if it is known. */
  base: string | null;
  remote: RemoteRefs;
  /** Whether the commit builds on the branch's present tip. */
  isForward: boolean;
  /** Whether the present tip was pushed by this server. */
  isOurs: boolean;
}): PushPlan => {
  const { branch, commit, base, remote, isForward, isOurs } = options;
  if (!isRefName(branch)) return { kind: "refused", why: `'${branch.slice(0, 100)}' cannot be the name of a branch.` };
  if (branch === remote.defaultBranch)
    return {
      kind: "refused",
      why: `'${branch}' is the repository's default branch, to which nothing is pushed: choose another name.`,
    };
  if (branch === base)
    return {
      kind: "refused",
      why: `'${branch}' is the branch that the work is for, to which nothing is pushed: choose another name.`,
    };
  const tip = remote.tips.get(branch);
  if (tip === undefined) return { kind: "push", expected: null };
  if (tip === commit) return { kind: "there" };
  if (isForward || isOurs) return { kind: "push", expected: tip };
  return {
    kind: "refused",
    why: `The branch '${branch}' is there already, and has commits that are not part of this work: choose another name, or launch from that branch.`,
  };
};
