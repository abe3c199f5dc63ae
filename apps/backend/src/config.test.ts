import { mkdir, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { ConfigError, checkPlaces, readConfig } from "./config.ts";
import { helpText } from "./config-options.ts";

const start = (argv: string[], environment: Record<string, string> = {}) => {
  const invocation = readConfig(argv, { HOME: "/home/someone", ...environment });
  if (invocation.kind !== "start") throw new Error("expected a start");
  return invocation.config;
};

describe("readConfig", () => {
  it("starts on loopback, port 4100, in demo mode, when nothing is given", () => {
    expect(start([])).toMatchObject({
      host: "127.0.0.1",
      port: 4100,
      token: null,
      driver: "auto",
      maxConcurrentRuns: 4,
      modelCredential: null,
    });
  });

  it("lets an option win over its variable, and treats an empty variable as not set", () => {
    expect(start(["--port", "0"], { PORT: "5000", CCR_DRIVER: "" })).toMatchObject({ port: 0, driver: "auto" });
  });

  it("reads lists and keeps the database in the data folder", () => {
    const config = start([], {
      CCR_DATA_DIR: "/srv/ccr",
      CCR_LOCAL_REPOSITORIES: "/a:/b",
      CCR_ALLOWED_HOSTS: "example.org, *.example.net:8443",
    });
    expect(config.localRepositoryRoots).toEqual(["/a", "/b"]);
    expect(config.database).toEqual({ kind: "sqlite", path: "/srv/ccr/runner.db" });
    expect(config.allowedHosts).toEqual([
      { host: "example.org", ports: [443] },
      { host: "*.example.net", ports: [8443] },
    ]);
  });

  it.each([
    [{ PORT: "http" }, "PORT: must be a number"],
    [{ PORT: "70000" }, "PORT: must be at most 65535"],
    [{ CCR_DRIVER: "podman" }, "CCR_DRIVER: must be auto, docker or bubblewrap"],
    [{ CCR_DATA_DIR: "data" }, "CCR_DATA_DIR: must be an absolute path"],
    [{ CCR_KEEP_WORK_DAYS: "a month" }, "CCR_KEEP_WORK_DAYS: must be a number"],
    [{ CCR_KEEP_RUNS_DAYS: "-1" }, "CCR_KEEP_RUNS_DAYS: must be a number"],
    [{ CCR_KEEP_RUNS_DAYS: "36501" }, "CCR_KEEP_RUNS_DAYS: must be at most 36500"],
    [{ CCR_MIN_FREE_DISK_MB: "1G" }, "CCR_MIN_FREE_DISK_MB: must be a number"],
    [{ CCR_LOG: "xml" }, "CCR_LOG: must be text or json"],
    [{ CCR_LOG_LEVEL: "trace" }, "CCR_LOG_LEVEL: must be debug, info, warn or error"],
    [{ CCR_MAX_CONCURRENT_RUNS: "0" }, "CCR_MAX_CONCURRENT_RUNS: must be at least 1"],
    [{ CCR_LOCAL_REPOSITORIES: "work" }, "CCR_LOCAL_REPOSITORIES: must be an absolute path"],
    [{ CCR_ALLOWED_HOSTS: "http://x" }, "CCR_ALLOWED_HOSTS: 'http://x' is not host or host:port"],
    [{ CCR_TOKEN: "short" }, "CCR_TOKEN: must have at least 16 characters"],
    [{ DATABASE_URL: "mysql://x" }, "DATABASE_URL: must be sqlite:/absolute/path or postgres://user:password@host:port/database"],
    [{ DATABASE_URL: "sqlite:data.db" }, "DATABASE_URL: must be sqlite:/absolute/path"],
    [{ DATABASE_URL: "postgres:secret" }, "DATABASE_URL: must be sqlite:/absolute/path or postgres://"],
    [{ DATABASE_URL: "postgres://u:secret@host:99999/x" }, "DATABASE_URL: is not a URL: give postgres://"],
    [{ DATABASE_URL: "postgres://u:12/secret@host/x" }, "DATABASE_URL: is not a URL: give postgres://"],
    [{ DATABASE_URL: "postgresql://u:12#secret@host/x" }, "with special characters of the password as %40 for @"],
    [{ DATABASE_URL: "postgresql://u:12?secret@host/x" }, "with special characters of the password as %40 for @"],
    [{ ANTHROPIC_BASE_URL: "ftp://x" }, "ANTHROPIC_BASE_URL: must be an http or https URL"],
    [{ DOCKER_HOST: "nonsense" }, "DOCKER_HOST: must be unix:///path/to/docker.sock"],
    [{ DOCKER_HOST: "tcp://me:secret@10.0.0.1:2375" }, "so the engine must run on this machine"],
    [{ DOCKER_HOST: "ssh://me@host", CCR_DRIVER: "docker" }, "DOCKER_HOST: must be unix:///path/to/docker.sock"],
    [{ HOST: "0.0.0.0" }, "HOST: '0.0.0.0' can be reached from other machines, so a token must be chosen"],
    [{ ANTHROPIC_API_KEY: "k", CLAUDE_CODE_OAUTH_TOKEN: "t" }, "are both set"],
  ])("refuses %j with one clear line", (environment, message) => {
    const error = (() => {
      try {
        return start([], environment);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain("\n");
    expect(String(error)).not.toContain("secret");
  });

  it.each([
    "postgres://u:p%40ss@db.example.org:5433/runs?sslmode=verify-full",
    "postgresql://localhost/runs",
    "postgres:///runs?host=/var/run/postgresql&user=u",
    "postgres://u@/runs?host=/var/run/postgresql",
    "postgres://[::1]:5432/runs",
  ])("takes %s for a PostgreSQL database", (url) => {
    expect(start(["--database", url]).database).toEqual({ kind: "postgres", url });
  });

  it("takes an SQLite file with or without an empty host, and hides the password of a URL that is no URL for others", () => {
    expect(start([], { DATABASE_URL: "sqlite:///srv/x.db" }).database).toEqual({ kind: "sqlite", path: "/srv/x.db" });
    expect(start([], { DATABASE_URL: "sqlite:/srv/x.db" }).database).toEqual({ kind: "sqlite", path: "/srv/x.db" });
    expect(start([], { DATABASE_URL: "postgres://u:p%40ss@/runs?host=/tmp", PGPASSWORD: "other" }).secrets).toEqual([
      "other",
      "p%40ss",
      "p@ss",
    ]);
  });

  it("takes the engine's socket, and leaves out of account an engine that it will not use", () => {
    expect(start([], { DOCKER_HOST: "unix:///run/user/1000/docker.sock" }).dockerHost).toBe("unix:///run/user/1000/docker.sock");
    expect(start(["--driver", "bubblewrap"], { DOCKER_HOST: "tcp://10.0.0.1:2375" }).driver).toBe("bubblewrap");
  });

  it("keeps runs for ever and their work for a month, when nothing is said, and reads 0 as no limit", () => {
    const defaults = start([]);
    expect(defaults.keep).toEqual({ runsDays: null, workDays: 30, mirrorsDays: 30, setupsDays: 14, setupsMb: 20480, images: 2 });
    expect(defaults).toMatchObject({ maxRunsPerRepository: null, maxRunsPerTask: null, minFreeDiskMb: 1024 });
    expect(defaults.log).toEqual({ format: "text", level: "info" });
    const chosen = start(["--keep-runs-days", "90", "--log", "json"], {
      CCR_KEEP_WORK_DAYS: "0",
      CCR_KEEP_IMAGES: "0",
      CCR_MIN_FREE_DISK_MB: "0",
      CCR_MAX_RUNS_PER_TASK: "2",
    });
    expect(chosen.keep).toEqual({ runsDays: 90, workDays: null, mirrorsDays: 30, setupsDays: 14, setupsMb: 20480, images: null });
    expect(chosen).toMatchObject({ minFreeDiskMb: 0, maxRunsPerTask: 2, log: { format: "json" } });
  });

  it("names all its secrets, so that logs can hide them", () => {
    const { secrets } = start([], {
      CCR_TOKEN: "token-of-sixteen-characters",
      ANTHROPIC_API_KEY: "sk-ant-1",
      GITHUB_TOKEN: "ghp_1",
      HTTPS_PROXY: "http://me:pass%20word@proxy.example.org:3128",
    });
    expect(secrets).toEqual(["token-of-sixteen-characters", "sk-ant-1", "ghp_1", "pass%20word", "pass word"]);
  });

  it("tells in one line of a folder or a file that is not there", async () => {
    await using folder = await temporaryFolder();
    await mkdir(folder.join("repositories"));
    await writeFile(folder.join("ca.pem"), "x");
    const places = { localRepositoryRoots: [folder.join("repositories")], extraCaCerts: folder.join("ca.pem") };
    await checkPlaces(places);
    await expect(checkPlaces({ ...places, extraCaCerts: folder.join("gone.pem") })).rejects.toThrow(
      `CCR_EXTRA_CA_CERTS (or NODE_EXTRA_CA_CERTS): ${folder.join("gone.pem")} does not exist. Correct it, or leave it out.`,
    );
    await expect(checkPlaces({ ...places, localRepositoryRoots: [folder.join("ca.pem")] })).rejects.toThrow(
      `CCR_LOCAL_REPOSITORIES: ${folder.join("ca.pem")} is not a folder.`,
    );
    await expect(checkPlaces({ ...places, localRepositoryRoots: [folder.join("ca.pem", "x")] })).rejects.toThrow(
      "does not exist",
    );
  });

  it("names the option, not its variable, when the option was wrong", () => {
    expect(() => start(["--port", "x"])).toThrow("--port: must be a number");
  });

  it("refuses options it does not know", () => {
    expect(() => start(["--prot", "1"])).toThrow(/--prot/);
  });

  it("tells every option in its help", () => {
    expect(readConfig(["--help"], {})).toEqual({ kind: "help" });
    for (const name of ["CCR_TOKEN", "--driver", "ANTHROPIC_API_KEY", "GITHUB_TOKEN", "DATABASE_URL"])
      expect(helpText()).toContain(name);
  });
});
