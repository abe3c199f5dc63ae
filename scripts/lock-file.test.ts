import { expect, test } from "vitest";
import { leftOut, platformOf } from "./lock-file.mjs";

test("names the optional packages that are asked for and not listed", () => {
  const packages = {
    "": {},
    "node_modules/a": { version: "1.0.0", dev: true, optionalDependencies: { "@a/linux-x64": "1.0.0", "@a/win32-x64": "1.0.0" } },
    "node_modules/@a/linux-x64": { version: "1.0.0" },
    "node_modules/b/node_modules/c": { version: "2.0.0", optionalDependencies: { d: "3.0.0", e: "4.0.0", f: "5.0.0" } },
    "node_modules/b/node_modules/d": { version: "3.0.0" },
    "node_modules/e": { version: "4.0.0" },
  };
  expect(leftOut(packages)).toEqual([
    { name: "@a/win32-x64", version: "1.0.0", dev: true },
    { name: "f", version: "5.0.0", dev: false },
  ]);
});

test.each([
  ["@x/cli-linux-x64-musl", { os: ["linux"], cpu: ["x64"], libc: ["musl"] }],
  ["@x/binding-linux-arm-gnueabihf", { os: ["linux"], cpu: ["arm"], libc: ["glibc"] }],
  ["@x/binding-win32-arm64-msvc", { os: ["win32"], cpu: ["arm64"] }],
  ["@x/oxide-wasm32-wasi", { cpu: ["wasm32"] }],
  ["fsevents", null],
])("%s is for %j", (name, platform) => {
  expect(platformOf(name)).toEqual(platform);
});
