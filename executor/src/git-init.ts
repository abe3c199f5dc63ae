import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, type InitGitInput, type InitGitResult } from "@ccr/protocol";
import type { z } from "zod";
import { git } from "./git.ts";
import { runCommand } from "./run-command.ts";

export interface GitHome {
  home: string;
  env: Readonly<Record<string, string>>;
}

const DEFAULT_NAME = "claude-code-runner";
const DEFAULT_EMAIL = "noreply@claude-code-runner.invalid";
const KEY_NAME = "id_claude_code_runner";

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** How git calls ssh: without questions, trusting a host when it is met for the first time, and with our key when there is one. Pure. */
export const sshCommand = (home: string, hasKey: boolean): string =>
  [
    "ssh",
    "-o BatchMode=yes",
    "-o StrictHostKeyChecking=accept-new",
    ...(hasKey ? [`-i ${quote(join(home, ".ssh", KEY_NAME))}`, "-o IdentitiesOnly=yes"] : []),
  ].join(" ");

/** Lets git work in folders of other users: the mirror belongs to the host. Idempotent. */
export const trustFolders = async ({ home, env }: GitHome): Promise<void> => {
  await git(["config", "--global", "--replace-all", "safe.directory", "*"], { cwd: home, env });
};

/**
 * Sets up git for the user that the executor runs as: name, email, and an SSH key when one is given. Idempotent. A key that ssh cannot
 * read is kept as it was given, with a warning; it is never part of an error.
 */
export const initGit = async (input: InitGitInput, { home, env }: GitHome): Promise<z.infer<typeof InitGitResult>> => {
  const githubUsername = input.githubUsername?.trim() || null;
  const email = input.email?.trim() || null;
  const privateKey = input.sshPrivateKey?.trim() ? input.sshPrivateKey : null;
  const publicKey = input.sshPublicKey?.trim() ? input.sshPublicKey.trim() : null;
  if (privateKey === null && publicKey !== null) {
    throw new CcrError("bad_request", "sshPublicKey: a public key is of no use without sshPrivateKey");
  }
  const warning = privateKey === null ? null : await writeKey({ privateKey, publicKey }, { home, env });
  const settings: [string, string][] = [
    ["user.name", githubUsername ?? DEFAULT_NAME],
    ["user.email", email ?? (githubUsername === null ? DEFAULT_EMAIL : `${githubUsername}@users.noreply.github.com`)],
    ["init.defaultBranch", "main"],
    ["core.sshCommand", sshCommand(home, privateKey !== null)],
  ];
  for (const [name, value] of settings) await git(["config", "--global", "--replace-all", name, value], { cwd: home, env });
  await trustFolders({ home, env });
  await writeTrailerHook(input.commitTrailer ?? null, home);
  return { githubUsername, email, sshKey: privateKey !== null, warning };
};

/**
 * Lets every repository that is cloned from now on add a trailer to its commits, unless it brings hooks of its own. It is there for people
 * who look where a commit comes from; an agent may take it away.
 */
const writeTrailerHook = async (trailer: string | null, home: string): Promise<void> => {
  const template = templateFolder(home);
  await rm(template, { recursive: true, force: true });
  if (trailer === null) return;
  await mkdir(join(template, "hooks"), { recursive: true });
  const add = `exec git interpret-trailers --in-place --if-exists addIfDifferent --trailer ${quote(trailer)} "$1"`;
  await writeFile(join(template, "hooks", "prepare-commit-msg"), `#!/bin/sh\n${add}\n`, { mode: 0o755 });
};

/** What a clone's `.git` begins with; it is there when commits get a trailer. */
export const templateFolder = (home: string): string => join(home, ".config", "claude-code-runner", "git-template");

const writeKey = async (
  keys: { privateKey: string; publicKey: string | null },
  { home, env }: GitHome,
): Promise<string | null> => {
  const folder = join(home, ".ssh");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = join(folder, KEY_NAME);
  const fresh = `${path}.new`;
  try {
    await rm(fresh, { force: true });
    await writeFile(fresh, `${keys.privateKey.replaceAll("\r\n", "\n").trim()}\n`, { mode: 0o600, flag: "wx" });
    // An empty passphrase keeps ssh-keygen from asking for one.
    const { code, stdout } = await runCommand("ssh-keygen", ["-y", "-P", "", "-f", fresh], { cwd: home, env });
    await rename(fresh, path);
    const pub = keys.publicKey ?? (code === 0 ? stdout.toString("utf8").trim() : null);
    if (pub === null) await rm(`${path}.pub`, { force: true });
    else {
      await writeFile(`${path}.pub`, `${pub}\n`, { mode: 0o600 });
      await chmod(`${path}.pub`, 0o600);
    }
    return code === 0
      ? null
      : "sshPrivateKey: this is not a private key that ssh can use without a passphrase; addresses that need it will be refused";
  } finally {
    await rm(fresh, { force: true });
  }
};
