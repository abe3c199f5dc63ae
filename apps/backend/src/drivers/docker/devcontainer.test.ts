import { lstat, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { temporaryFolder } from "@ccr/testkit";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { layOut } from "./checkout-tar.ts";
import { planDevcontainer } from "./devcontainer-config.ts";
import { fetchesByItself, readCall } from "./docker-shim.ts";

const options = { path: ".devcontainer/devcontainer.json", featureHosts: new Set(["features.example.org"]) };
const plan = (value: unknown) => planDevcontainer(typeof value === "string" ? value : JSON.stringify(value), options);

describe("a plan of a devcontainer.json", () => {
  it("takes what an image is made from, and nothing that reaches out of one", () => {
    const taken = plan(`{
      // with comments,
      "build": { "dockerfile": "Dockerfile", "context": "..", "args": { "A": "1" }, "options": ["--network=host", "--privileged"], "cacheFrom": "x" },
      "features": { "./local": {}, "features.example.org/a/b:1": { "version": "2" } },
      "initializeCommand": "touch /tmp/evil", "runArgs": ["--privileged"], "mounts": ["source=/,target=/host,type=bind"], "privileged": true,
      "containerEnv": { "A": "\${containerWorkspaceFolder}/a", "HOST": "\${localEnv:HOME}", "EXECUTOR_TOKEN": "x" }, "remoteEnv": { "B": "b", "C": null },
      "onCreateCommand": "echo on create", "postCreateCommand": { "one": ["npm", "ci", "it's"], "two": "make" }, "postStartCommand": "no",
    }`);
    expect(taken.config).toEqual({
      build: { dockerfile: "Dockerfile", context: "..", args: { A: "1" } },
      features: { "./local": {}, "features.example.org/a/b:1": { version: "2" } },
    });
    expect(taken.variables).toEqual({ A: "/workspace/a", B: "b" });
    expect(taken.script).toBe("(\necho on create\n)\n'npm' 'ci' 'it'\\''s'\n(\nmake\n)");
  });

  it.each([
    ["{", "not JSON"],
    [{}, "neither an image nor a Dockerfile"],
    [{ dockerComposeFile: "x.yml" }, "several containers"],
    [{ build: { dockerfile: "../../Dockerfile" } }, "does not lie in the repository"],
    [{ build: { dockerfile: "/etc/passwd" } }, "does not lie in the repository"],
    [{ build: { dockerfile: "D", context: "../.." } }, "does not lie in the repository"],
    [{ build: { dockerfile: "D", context: ["$", "{localEnv:HOME}"].join("") } }, "does not lie in the repository"],
    [{ image: "--privileged" }, "not an image's name"],
    [{ image: "x", features: { "169.254.169.254/a/b:1": {} } }, "would be fetched from 169.254.169.254"],
    [{ image: "x", features: { "https://evil.example.org/f.tgz": {} } }, "would be fetched from evil.example.org"],
    [{ image: "x", features: { "./../../x": {} } }, "would be fetched from"],
    [{ image: "x", features: { "../x": {} } }, "would be fetched from"],
  ])("refuses %j", (value, why) => {
    expect(() => plan(value)).toThrow(why);
  });
});

describe("what stands in docker's place", () => {
  const call = (...args: string[]) => readCall(args, ["ours:1"]);
  it("lets images be looked at, fetched and built", () => {
    expect(call("-v").kind).toBe("pass");
    expect(call("version", "--format", "{{.Server.Version}}").kind).toBe("pass");
    expect(call("inspect", "--type", "image", "debian:12").kind).toBe("pass");
    expect(call("pull", "debian:12").kind).toBe("pass");
    expect(call("build", "-f", "/w/D", "-t", "ours:1", "--build-arg", "A=--privileged", "--target", "x", "/w")).toEqual({
      kind: "build",
      flags: ["-f", "/w/D", "-t", "ours:1", "--build-arg", "A=--privileged", "--target", "x"],
      files: ["/w/D"],
      context: "/w",
    });
  });

  it.each([
    ["run", "debian"],
    ["exec", "x", "sh"],
    ["inspect", "x"],
    ["inspect", "--type", "container", "x"],
    ["pull", "--all-tags", "x"],
    ["-H", "tcp://x", "version"],
    ["build", "-f", "/w/D", "--network=host", "/w"],
    ["build", "-f", "/w/D", "--network", "host", "/w"],
    ["build", "-f", "/w/D", "--label=evil=1", "/w"],
    ["build", "-f", "/w/D", "-t", "theirs:1", "/w"],
    ["build", "-f", "/w/D", "/w", "/etc"],
    ["build", "/w"],
    ["build", "-f"],
    ["buildx", "build", "/w"],
    [],
  ])("refuses docker %s %s %s %s %s", (...args) => {
    expect(call(...args.filter((arg) => typeof arg === "string")).kind).toBe("refuse");
  });

  it("sees what an engine would fetch by itself", () => {
    expect(fetchesByItself("FROM x\nADD a b\nCOPY https://x y\nRUN curl https://x")).toBeNull();
    for (const line of [
      "ADD http://169.254.169.254/ /x",
      "add \\\n  https://x /y",
      "ADD \\\n# comment\n git@github.com:a/b.git /x",
      "ONBUILD ADD $URL /x",
    ])
      expect(fetchesByItself(`FROM x\n${line}\n`), line).toContain("would be fetched by the engine");
    expect(fetchesByItself("# escape=`\nFROM x")).toContain("escape");
  });
});

describe("a checkout that is laid out", () => {
  it("has files, folders and links that stay within, and nothing elsewhere", async () => {
    await using folder = await temporaryFolder();
    await mkdir(folder.join("in"));
    await writeFile(folder.join("outside"), "precious");
    const tar = pack();
    tar.entry({ name: "a/b.txt", mode: 0o755 }, "b");
    tar.entry({ name: "a/", type: "directory" });
    tar.entry({ name: "../outside" }, "evil");
    tar.entry({ name: "/outside-too" }, "evil");
    tar.entry({ name: "within", type: "symlink", linkname: "a/b.txt" });
    tar.entry({ name: "a/out", type: "symlink", linkname: "../../outside" });
    tar.entry({ name: "absolute", type: "symlink", linkname: "/etc" });
    tar.entry({ name: "absolute/x" }, "x");
    tar.entry({ name: "hard", type: "link", linkname: "a/b.txt" });
    tar.finalize();
    await layOut(Readable.from(tar), folder.join("in"), new AbortController().signal);
    expect((await readdir(folder.join("in"), { recursive: true })).sort()).toEqual([
      "a",
      "a/b.txt",
      "absolute",
      "absolute/x",
      "within",
    ]);
    expect((await lstat(folder.join("in/a/b.txt"))).mode & 0o777).toBe(0o755);
    expect(await readlink(folder.join("in/within"))).toBe("a/b.txt");
    expect(await readFile(folder.join("outside"), "utf8")).toBe("precious");
  });
});
