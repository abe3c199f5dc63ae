import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { keepToDatabase, keptToken, leaveFolders, lockFolder, makeFolders, StartError } from "./folders.ts";

/** A process that tries to lock the folder when it is told to, and keeps the lock until it is killed. */
const startContender = async (dataDir: string) => {
  const script = `
    import { lockFolder, makeFolders } from ${JSON.stringify(new URL("./folders.ts", import.meta.url).href)};
    await makeFolders(${JSON.stringify(dataDir)});
    process.stdin.once("data", async () => {
      try {
        globalThis.lock = await lockFolder(${JSON.stringify(dataDir)});
        console.log("held");
      } catch (error) {
        console.log(error.name + ": " + error.message);
      }
    });
    setInterval(() => {}, 1000);
    console.log("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const say = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the process ended");
    return value;
  };
  expect(await say()).toBe("ready");
  return {
    go: () => {
      child.stdin.write("go\n");
      return say();
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
};

describe("makeFolders", () => {
  it("refuses a place where no folder can be made, at once and in one line", { timeout: 5000 }, async () => {
    await expect(makeFolders("/proc/no/such/place")).rejects.toThrow(
      /^The data folder \/proc\/no\/such\/place cannot be written/,
    );
  });

  it("puts sockets elsewhere when the data folder's path is too long for them, and leaves nothing there", async () => {
    await using folder = await temporaryFolder();
    const dataDir = folder.join("a-long-name".repeat(8), "below");
    const folders = await makeFolders(dataDir);
    expect(Buffer.byteLength(folders.doors)).toBeLessThan(60);
    await leaveFolders(folders, dataDir);
    await expect(stat(folders.doors)).rejects.toThrow("ENOENT");
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  });
});

describe("lockFolder", () => {
  it("goes to exactly one of the processes that start at once on what a killed one left", async () => {
    await using folder = await temporaryFolder();
    const dataDir = folder.join("data");
    {
      await using first = await startContender(dataDir);
      expect(await first.go()).toBe("held");
    }
    for (let round = 1; round <= 6; round++) {
      await using all = new AsyncDisposableStack();
      const contenders = await Promise.all([1, 2, 3].map(() => startContender(dataDir)));
      for (const contender of contenders) all.use(contender);
      const answers = (await Promise.all(contenders.map(({ go }) => go()))).toSorted();
      const refused = `StartError: Another claude-code-runner uses ${dataDir} already; stop it, or choose another folder with CCR_DATA_DIR.`;
      expect(answers, `round ${round}`).toEqual([refused, refused, "held"]);
    }
  });

  it("is free again once it was given back", async () => {
    await using folder = await temporaryFolder();
    {
      using _held = lockFolder(folder.path);
      expect(() => lockFolder(folder.path)).toThrow("Another claude-code-runner uses");
    }
    using again = lockFolder(folder.path);
    expect(again).toBeDefined();
  });

  it("says which file it cannot lock, and what to do", async () => {
    await using folder = await temporaryFolder();
    await mkdir(folder.join("server.lock"));
    expect(() => lockFolder(folder.path)).toThrow(StartError);
    expect(() => lockFolder(folder.path)).toThrow(/server\.lock cannot be locked \(.+\); choose .* CCR_DATA_DIR/);
  });
});

describe("makeFolders", () => {
  it("makes folders that nobody else may read, and short ones for sockets when the data folder is deep", async () => {
    await using folder = await temporaryFolder();
    const near = await makeFolders(folder.join("data"));
    expect(near.doors).toBe(folder.join("data", "doors"));
    for (const each of Object.values(near)) expect((await stat(each)).mode & 0o777).toBe(0o700);
    const { doors } = await makeFolders(folder.join("d".repeat(100)));
    expect(Buffer.byteLength(doors)).toBeLessThan(44);
    await rm(doors, { recursive: true });
  });

  it("says so when the data folder cannot be one", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("file"), "");
    await expect(makeFolders(folder.join("file"))).rejects.toThrow(/The data folder .*file cannot be written .*CCR_DATA_DIR/);
  });
});

describe("keepToDatabase", () => {
  it("goes with any database as long as nothing is in it, and then with none but that one", async () => {
    await using folder = await temporaryFolder();
    const { instances } = await makeFolders(folder.path);
    const [one, two] = [
      { id: "db_1", name: "one.db" },
      { id: "db_2", name: "two.db" },
    ];
    await keepToDatabase(folder.path, one);
    await keepToDatabase(folder.path, two);
    await mkdir(`${instances}/inst_0123456789`);
    await keepToDatabase(folder.path, two);
    await expect(keepToDatabase(folder.path, one)).rejects.toThrow(StartError);
    await expect(keepToDatabase(folder.path, one)).rejects.toThrow(/belongs to another database than one\.db, .* DATABASE_URL/);
    await rm(folder.join("database-id"));
    await keepToDatabase(folder.path, one);
    await expect(keepToDatabase(folder.path, two)).rejects.toThrow(StartError);
  });
});

describe("keptToken", () => {
  it("makes a token once, and keeps it where nobody else can read it", async () => {
    await using folder = await temporaryFolder();
    const token = await keptToken(folder.path);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(await keptToken(folder.path)).toBe(token);
    expect((await stat(folder.join("token"))).mode & 0o777).toBe(0o600);
    expect((await readFile(folder.join("token"), "utf8")).trim()).toBe(token);
  });
});
