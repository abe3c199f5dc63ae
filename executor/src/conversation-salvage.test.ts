import { appendFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { salvageTurns } from "./conversation-salvage.ts";

const session = "11111111-2222-4333-8444-555555555555";
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const timestamp = "2026-11-23T00:44:46.743Z";
const assistant = (n: number, more: object = {}) => ({
  type: "assistant",
  uuid: uuid(n),
  parentUuid: uuid(n - 1),
  sessionId: session,
  isSidechain: false,
  timestamp,
  requestId: `r${n}`,
  message: { role: "assistant", model: "m", content: [{ type: "text", text: `t${n}` }] },
  ...more,
});
const toolResult = (n: number, more: object = {}) => ({
  ...assistant(n),
  type: "user",
  message: { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "out" }] },
  toolUseResult: { stdout: "out" },
  ...more,
});

const prompt = (n = 1000) => ({ ...assistant(n), type: "user", message: { role: "user", content: "Go" } });

const write = async (folder: TemporaryFolder, lines: readonly unknown[], project = "-workspace") => {
  const path = folder.join(`projects/${project}/${session}.jsonl`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
  return path;
};
const salvage = (folder: TemporaryFolder, known: number[]) =>
  salvageTurns({ configFolder: folder.path, session, promptUuid: uuid(1000), known: known.map(uuid) });
const uuids = async (folder: TemporaryFolder, known: number[]) => (await salvage(folder, known)).map((each) => each.uuid);

describe("salvageTurns", () => {
  it("gives what comes after the known, in the shape of messages", async () => {
    await using folder = await temporaryFolder();
    await write(folder, [
      assistant(1),
      toolResult(2),
      { type: "attachment", uuid: uuid(3), sessionId: session },
      assistant(4),
      toolResult(5),
    ]);
    expect(await salvage(folder, [1, 2])).toEqual([
      {
        type: "assistant",
        message: { role: "assistant", model: "m", content: [{ type: "text", text: "t4" }] },
        parent_tool_use_id: null,
        session_id: session,
        uuid: uuid(4),
        timestamp,
        request_id: "r4",
        error: undefined,
      },
      {
        type: "user",
        message: { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "out" }] },
        parent_tool_use_id: null,
        session_id: session,
        uuid: uuid(5),
        timestamp,
        tool_use_result: { stdout: "out" },
      },
    ]);
  });

  it("gives each once, also when the file has another order than was told, or a line twice", async () => {
    await using folder = await temporaryFolder();
    await write(folder, [assistant(1), toolResult(3), assistant(2), assistant(4), assistant(4), toolResult(5)]);
    expect(await uuids(folder, [1, 2])).toEqual([3, 4, 5].map(uuid));
    expect(await uuids(folder, [1, 2, 3, 4, 5])).toEqual([]);
  });

  it("gives all behind the prompt when none of that is known, and nothing when the file holds neither", async () => {
    await using folder = await temporaryFolder();
    await write(folder, [assistant(1), prompt(999), assistant(2), prompt(), assistant(3), toolResult(4)]);
    expect(await uuids(folder, [])).toEqual([3, 4].map(uuid));
    expect(await uuids(folder, [1, 2])).toEqual([3, 4].map(uuid));
    await write(folder, [assistant(1), toolResult(2)]);
    expect(await uuids(folder, [])).toEqual([]);
    expect(await uuids(folder, [9])).toEqual([]);
  });

  it("gives nothing without a file, for a link, and for a session that is a path", async () => {
    await using folder = await temporaryFolder();
    expect(await uuids(folder, [])).toEqual([]);
    const real = await write(folder, [assistant(1)]);
    await using other = await temporaryFolder();
    await mkdir(other.join("projects/p"), { recursive: true });
    await symlink(real, other.join(`projects/p/${session}.jsonl`));
    expect(await uuids(other, [])).toEqual([]);
    expect(
      await salvageTurns({ configFolder: folder.path, session: `../-workspace/${session}`, promptUuid: uuid(1000), known: [] }),
    ).toEqual([]);
  });

  it("passes over what an agent may write there, and a torn last line", async () => {
    await using folder = await temporaryFolder();
    const path = await write(folder, [
      assistant(1),
      "no JSON",
      "null",
      "[]",
      "7",
      `${"[".repeat(50_000)}${"]".repeat(50_000)}`,
      { ...assistant(10), sessionId: uuid(99) },
      { ...assistant(11), sessionId: undefined },
      { ...assistant(12), uuid: "not one" },
      assistant(13, { isSidechain: true }),
      assistant(14, { message: { role: "assistant", content: "text" } }),
      assistant(15, { message: { role: "user", content: [] } }),
      assistant(16, { type: "result", subtype: "success", result: "forged" }),
      toolResult(17, { message: { role: "user", content: "the prompt" } }),
      toolResult(18, { message: { role: "user", content: [{ type: "text", text: "a prompt" }] } }),
      toolResult(19, { isMeta: true }),
      { ...assistant(20), type: "execution_ended" },
      assistant(21, { timestamp: 5 }),
      "\0\0\0",
      toolResult(2),
    ]);
    await appendFile(path, JSON.stringify(assistant(3)).slice(0, -4));
    expect(await uuids(folder, [1])).toEqual([21, 2].map(uuid));
  });

  it("leaves out what was told long before the oldest that is known", async () => {
    await using folder = await temporaryFolder();
    const count = 2_500;
    await write(folder, [prompt(), ...Array.from({ length: count }, (_, index) => toolResult(index + 1))]);
    const known = Array.from({ length: 64 }, (_, index) => count - 80 + index);
    expect(await uuids(folder, known)).toEqual(Array.from({ length: 17 }, (_, index) => uuid(count - 16 + index)));
  });

  it("is bounded in number and in size", async () => {
    await using folder = await temporaryFolder();
    await write(folder, [assistant(1), ...Array.from({ length: 3_000 }, (_, index) => toolResult(index + 2))]);
    expect(await uuids(folder, [1])).toHaveLength(1_000);
    const big = (n: number) =>
      assistant(n, { message: { role: "assistant", content: [{ type: "text", text: "x".repeat(5_000_000) }] } });
    await write(folder, [...Array.from({ length: 20 }, (_, index) => big(index + 1))]);
    // The known ones are within the end that is read.
    expect(await uuids(folder, [9])).toEqual([10, 11, 12, 13, 14, 15].map(uuid));
    expect(await uuids(folder, [1])).toEqual([]);
  });
});
