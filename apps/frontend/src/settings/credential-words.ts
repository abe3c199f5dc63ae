import type { Credential } from "@ccr/protocol";

export const FORMS = {
  api_key: "API key",
  oauth_token: "Token of a subscription",
  token: "Token",
  app: "GitHub App",
} as const satisfies Record<NonNullable<Credential["form"]>, string>;

export const HOST_KINDS = {
  model: "Claude Code’s model",
  github: "GitHub",
  gitlab: "GitLab",
  gitea: "Gitea or Forgejo",
  bitbucket: "Bitbucket",
} as const satisfies Record<Credential["kind"], string>;

const VARIABLES: Readonly<Record<string, string>> = {
  "github.com": "GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY",
  "gitlab.com": "GITLAB_TOKEN",
  "bitbucket.org": "BITBUCKET_TOKEN",
};

/** What is missing without it, and how it is set, in two sentences. Pure. */
export const howToSet = ({ kind, host }: Pick<Credential, "kind" | "host">): string => {
  if (kind === "model")
    return "Without it no real work can be done. Set ANTHROPIC_API_KEY, or CLAUDE_CODE_OAUTH_TOKEN from “claude setup-token”, and start the server again.";
  const how = VARIABLES[host];
  return `Public repositories can be read without it; private ones, pushed branches and pull requests need it. ${
    how === undefined ? "Give its entry in the file of CCR_GIT_HOSTS a token" : `Set ${how}`
  }, and start the server again.`;
};
