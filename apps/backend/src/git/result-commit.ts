import type { WorkSnapshot } from "@ccr/protocol";
import type { Quarantine } from "./work-quarantine.ts";

export interface CommitText {
  author: { name: string; email: string };
  message: string;
}

// What would end the field early, or begin another one.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const NOT_IN_A_NAME = /[<>\u0000-\u001f\u007f]+/g;

const plain = (text: string): string => text.replaceAll(NOT_IN_A_NAME, " ").replaceAll(/ +/g, " ").trim();

/** A commit object as git writes it. Pure. */
export const commitObject = (options: CommitText & { tree: string; parent: string | null; seconds: number }): string => {
  const { author, message, tree, parent, seconds } = options;
  const by = `${plain(author.name)} <${plain(author.email)}> ${seconds} +0000`;
  return [
    `tree ${tree}`,
    ...(parent === null ? [] : [`parent ${parent}`]),
    `author ${by}`,
    `committer ${by}`,
    "",
    `${message.replaceAll("\0", "").trim()}\n`,
  ].join("\n");
};

/**
 * The commit that is the result: what the agent committed itself, and one of ours on top for what it did not commit. The same work gives the
 * same commit each time.
 */
export const makeResultCommit = async (quarantine: Quarantine, snapshot: WorkSnapshot, text: CommitText): Promise<string> => {
  const { headCommit, snapshotCommit } = snapshot;
  const idOf = async (revision: string): Promise<string> => (await quarantine.git(["rev-parse", "--verify", revision])).trim();
  const tree = await idOf(`${snapshotCommit}^{tree}`);
  if (headCommit !== null && (await idOf(`${headCommit}^{tree}`)) === tree) return headCommit;
  const seconds = Number((await quarantine.git(["log", "-1", "--format=%ct", snapshotCommit, "--"])).trim());
  const object = commitObject({ ...text, tree, parent: headCommit, seconds });
  return (await quarantine.git(["hash-object", "-t", "commit", "-w", "--stdin"], Buffer.from(object))).trim();
};
