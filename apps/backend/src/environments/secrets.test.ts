import { readFile, stat, writeFile } from "node:fs/promises";
import { EnvironmentId } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { createSecrets } from "./secrets.ts";

const id = EnvironmentId.parse("env_0123456789");

test("keeps values for this server's user alone, tells them to whoever hides them, and takes them back", async () => {
  await using folder = await temporaryFolder();
  const heard: string[] = [];
  const secrets = createSecrets({ folder: folder.path, onValue: (values) => heard.push(...values) });
  expect(await secrets.read(id)).toEqual({});
  await Promise.all([secrets.change(id, { A: "value-of-a" }), secrets.change(id, { B: "value-of-b", __proto__x: "odd-value" })]);
  expect(await secrets.read(id)).toEqual({ A: "value-of-a", B: "value-of-b", __proto__x: "odd-value" });
  expect(heard).toEqual(expect.arrayContaining(["value-of-a", "value-of-b"]));
  const path = folder.join(id, "secrets.json");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(folder.join(id))).mode & 0o777).toBe(0o700);
  await secrets.change(id, { B: null });
  expect(Object.keys(await secrets.read(id))).not.toContain("B");
  await secrets.remove(id);
  await secrets.remove(id);
  expect(await secrets.read(id)).toEqual({});
});

test("has a digest that is the same for the same values alone, and by which nobody finds them out", async () => {
  await using folder = await temporaryFolder();
  const secrets = createSecrets({ folder: folder.path, onValue: () => {} });
  const other = EnvironmentId.parse("env_9876543210");
  for (const each of [id, other]) await secrets.change(each, { A: "value-of-a" });
  const digest = await secrets.digest(id, ["A"]);
  expect(await secrets.digest(id, ["A"])).toBe(digest);
  expect(await secrets.digest(other, ["A"])).not.toBe(digest);
  expect(await secrets.digest(id, ["A", "B"])).not.toBe(digest);
  await secrets.change(id, { A: "another-value" });
  expect(await secrets.digest(id, ["A"])).not.toBe(digest);
});

test("says that a damaged file cannot be read, without what is in it, and begins anew when it is given all again", async () => {
  await using folder = await temporaryFolder();
  const secrets = createSecrets({ folder: folder.path, onValue: () => {} });
  await secrets.change(id, { A: "value-of-a" });
  const path = folder.join(id, "secrets.json");
  await writeFile(path, (await readFile(path, "utf8")).slice(0, -5));
  const error: unknown = await secrets.read(id).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain("cannot be read");
  expect(String(error)).not.toContain("value-of-a");
  await secrets.change(id, { A: "value-of-a" });
  expect(await secrets.read(id)).toEqual({ A: "value-of-a" });
});
