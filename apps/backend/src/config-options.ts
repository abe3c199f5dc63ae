/** Command line options; each stands for the variable beside it and wins over it. */
export const OPTIONS = {
  host: ["HOST", "address", "Address to listen on (127.0.0.1)"],
  port: ["PORT", "number", "Port to listen on, 0 for any free one (4100)"],
  token: ["CCR_TOKEN", "token", "The token that clients must give (made at first start)"],
  "public-url": ["CCR_PUBLIC_URL", "url", "The address under which people reach the page, behind a proxy"],
  "data-dir": ["CCR_DATA_DIR", "folder", "Where everything is kept (~/.local/share/claude-code-runner)"],
  database: ["DATABASE_URL", "url", "sqlite:/path (in the data folder) or postgres://user@host/name"],
  driver: ["CCR_DRIVER", "name", "auto, docker or bubblewrap (auto)"],
  "max-concurrent-runs": ["CCR_MAX_CONCURRENT_RUNS", "number", "Runs at once (4)"],
  "max-runs-per-repository": [
    "CCR_MAX_RUNS_PER_REPOSITORY",
    "number",
    "Runs at once against one repository, over all servers (0: no limit)",
  ],
  "max-runs-per-task": ["CCR_MAX_RUNS_PER_TASK", "number", "Runs at once of one task, over all servers (0: no limit)"],
  "local-repositories": [
    "CCR_LOCAL_REPOSITORIES",
    "folders",
    "Folders, separated by ':', below which repositories may be given by path",
  ],
  "allowed-hosts": ["CCR_ALLOWED_HOSTS", "hosts", "Hosts, separated by ',', that every run may reach: name or name:port"],
  "commit-author": ["CCR_COMMIT_AUTHOR", "author", "Who makes the commits: Name <name@example.com>"],
  "push-seconds": ["CCR_PUSH_SECONDS", "seconds", "One push of a result may take this long (300)"],
  "follow-seconds": ["CCR_FOLLOW_SECONDS", "seconds", "Followed pull requests are looked at so often (60)"],
  "package-hosts": [
    "CCR_PACKAGE_HOSTS",
    "hosts",
    "Hosts of packages beyond those that this machine's package managers are set to, for set-ups",
  ],
  "base-image": ["CCR_BASE_IMAGE", "image", "The image that the executor image is built on"],
  "devcontainer-network": [
    "CCR_DEVCONTAINER_NETWORK",
    "0 or 1",
    "1: what repositories' devcontainer.json builds reaches the engine's network, past the gateway (0)",
  ],
  "min-free-disk-mb": ["CCR_MIN_FREE_DISK_MB", "MiB", "With less room than this on a disk, queued runs wait (1024; 0: never)"],
  "keep-runs-days": ["CCR_KEEP_RUNS_DAYS", "days", "Remove runs and their transcripts so long after their end (0: never)"],
  "keep-work-days": ["CCR_KEEP_WORK_DAYS", "days", "Remove the kept work of runs so long after their end (30; 0: never)"],
  "keep-mirrors-days": ["CCR_KEEP_MIRRORS_DAYS", "days", "Remove mirrors that were not used for so long (30; 0: never)"],
  "keep-setups-days": ["CCR_KEEP_SETUPS_DAYS", "days", "Remove what set-ups left and no run used for so long (14; 0: never)"],
  "keep-setups-mb": ["CCR_KEEP_SETUPS_MB", "MiB", "Keep so much of what set-ups left, the last used (20480; 0: all)"],
  "keep-images": ["CCR_KEEP_IMAGES", "number", "Keep so many executor images, the newest (2; 0: all)"],
  log: ["CCR_LOG", "format", "text for people, or json: one object per line, without the login link (text)"],
  "log-level": ["CCR_LOG_LEVEL", "level", "debug, info, warn or error (info)"],
  "extra-ca-certs": ["CCR_EXTRA_CA_CERTS", "file", "CA certificates (PEM) for the image, behind a TLS-inspecting proxy"],
} as const;

/** Variables that have no option, because they hold secrets or belong to other programs too. */
const VARIABLES_ONLY = {
  ANTHROPIC_API_KEY: "The key for the model; without one the server runs in demo mode",
  CLAUDE_CODE_OAUTH_TOKEN: "Or a token of a Claude subscription (claude setup-token)",
  ANTHROPIC_BASE_URL: "Where the gateway sends model traffic (https://api.anthropic.com)",
  GITHUB_TOKEN: "For repositories and pull requests on github.com; never enters a sandbox",
  GITHUB_APP_ID: "Instead of a token: the id of a GitHub App that is installed there",
  GITHUB_APP_PRIVATE_KEY: "Its private key (PEM), or the path of a file with it",
  GITLAB_TOKEN: "The same for gitlab.com",
  BITBUCKET_TOKEN: "The same for bitbucket.org: a token, or user:token",
  CCR_GIT_HOSTS: "A JSON file with git hosts of one's own, and their tokens",
  DOCKER_HOST: "The Docker Engine to use (unix:///var/run/docker.sock)",
} as const;

export const helpText = (): string => {
  const row = (left: string, right: string) => `  ${left.padEnd(34)}${right}`;
  return [
    "claude-code-runner: runs Claude Code in the background, in sandboxes.",
    "",
    "Usage: npm start -- [options]",
    "",
    "Options, each with its environment variable:",
    ...Object.entries(OPTIONS).flatMap(([name, [variable, value, text]]) => [
      row(`--${name} <${value}>`, text),
      row("", `[${variable}]`),
    ]),
    row("--help", "Show this and end"),
    "",
    "Environment only:",
    ...Object.entries(VARIABLES_ONLY).map(([name, text]) => row(name, text)),
    "",
  ].join("\n");
};
