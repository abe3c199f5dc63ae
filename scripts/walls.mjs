// Which room may import which: node scripts/walls.mjs
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { parseSync } from "oxc-parser";
import { root } from "./setup/places.mjs";

/**
 * The rooms, the first match wins. `may` names what the room may import besides itself: other rooms (`path`), packages of ours
 * (`@ccr/…`) and, where `packages` is given, the only packages of others. `types`: what may be imported by `import type` alone.
 * @typedef {{ room: string, may: string[], types?: string[], packages?: string[] | undefined, why: string }} Rule
 */

/** @type {Rule[]} */
export const RULES = [
  {
    room: "packages/protocol/src",
    may: [],
    packages: ["zod"],
    why: "the protocol is pure: it imports zod alone",
  },
  { room: "packages/scripted-model/src", may: ["@ccr/protocol"], why: "the scripted model stands alone" },
  { room: "packages/testkit/src", may: ["@ccr/protocol", "@ccr/scripted-model"], why: "the testkit knows no room that it tests" },
  { room: "gateway/src", may: ["@ccr/protocol"], why: "the gateway imports protocol alone of our packages" },
  { room: "executor/src", may: ["@ccr/protocol"], why: "the executor imports protocol alone of our packages" },
  {
    room: "apps/frontend/src/browser-test",
    may: ["apps/frontend/src", "@ccr/protocol", "@ccr/backend/router", "@ccr/testkit"],
    why: "browser tests stand in for the server's data, behind its real router",
  },
  {
    room: "apps/frontend/src",
    may: ["@ccr/protocol"],
    types: ["@ccr/backend/router"],
    why: "the web UI imports protocol and, as types, the backend's router",
  },
  ...["main.ts", "main"].map((place) => ({
    room: `apps/backend/src/${place}`,
    may: ["apps/backend/src", "@ccr/protocol", "@ccr/gateway", "@ccr/scripted-model"],
    why: "main.ts builds everything, with the parts of it in main",
  })),
  {
    room: "apps/backend/src/demo",
    may: ["apps/backend/src/store", "@ccr/scripted-model", "@ccr/protocol"],
    why: "the demo prepares a task, a repository and a model, and runs nothing",
  },
  ...["config.ts", "config-git-hosts.ts"].map((file) => ({
    room: `apps/backend/src/${file}`,
    may: ["apps/backend/src/*.ts", "@ccr/protocol"],
    types: ["apps/backend/src/forges/types.ts"],
    why: "config.ts reads the environment and nothing else",
  })),
  {
    room: "apps/backend/src/api",
    may: [
      "apps/backend/src/batches",
      "apps/backend/src/tasks",
      "apps/backend/src/runs",
      "apps/backend/src/credentials/types.ts",
      "apps/backend/src/environments/types.ts",
      "apps/backend/src/store",
      "apps/backend/src/upkeep",
      "apps/backend/src/observe",
      "apps/backend/src/config.ts",
      "@ccr/protocol",
    ],
    why: "api -> {batches, tasks, runs, upkeep, observe} -> {drivers/types, store, git, forges, gateway} -> protocol",
  },
  {
    room: "apps/backend/src/batches",
    may: ["apps/backend/src/runs", "apps/backend/src/store", "@ccr/protocol"],
    why: "batches launch and end runs, and drive none",
  },
  {
    room: "apps/backend/src/credentials",
    may: ["apps/backend/src/forges", "@ccr/protocol"],
    why: "credentials tells which there are and asks the other side whether it takes them",
  },
  {
    room: "apps/backend/src/tasks",
    may: ["apps/backend/src/store", "@ccr/protocol"],
    why: "tasks are listed, filed and taken in, and not run",
  },
  {
    room: "apps/backend/src/environments",
    may: ["apps/backend/src/store", "apps/backend/src/observe/mask.ts", "@ccr/protocol"],
    why: "environments keeps what set-ups leave and their secrets, and runs nothing",
  },
  {
    room: "apps/backend/src/upkeep",
    may: [
      "apps/backend/src/environments/types.ts",
      "apps/backend/src/drivers/types.ts",
      "apps/backend/src/drivers/disk.ts",
      "apps/backend/src/store",
      "apps/backend/src/git",
      "@ccr/protocol",
    ],
    types: ["apps/backend/src/runs/deps.ts"],
    why: "upkeep looks after the store, the folders and the images, and runs nothing",
  },
  {
    room: "apps/backend/src/observe",
    may: ["@ccr/protocol"],
    types: ["apps/backend/src/runs/deps.ts"],
    why: "what observes is told, and asks nobody",
  },
  {
    room: "apps/backend/src/runs",
    may: [
      "apps/backend/src/drivers/types.ts",
      "apps/backend/src/environments",
      "apps/backend/src/store",
      "apps/backend/src/git",
      "apps/backend/src/forges/types.ts",
      "apps/backend/src/forges/failure.ts",
      "apps/backend/src/gateway",
      "@ccr/protocol",
    ],
    why: "api -> runs -> {drivers/types, store, git, forges, gateway} -> protocol",
  },
  { room: "apps/backend/src/store", may: ["@ccr/protocol"], why: "the store knows nothing of what is done with it" },
  { room: "apps/backend/src/git", may: ["@ccr/protocol"], why: "git knows nothing of runs" },
  { room: "apps/backend/src/forges", may: ["@ccr/protocol"], why: "a forge knows neither runs nor how git is run" },
  {
    room: "apps/backend/src/gateway",
    may: ["@ccr/gateway", "@ccr/protocol"],
    why: "this room starts the gateway and talks to it, and knows no other",
  },
  ...["docker", "bubblewrap"].map((driver) => ({
    room: `apps/backend/src/drivers/${driver}`,
    may: ["apps/backend/src/drivers/*.ts", "@ccr/protocol"],
    why: "a driver knows neither another driver nor who uses it",
  })),
  {
    room: "apps/backend/src/*.ts",
    may: ["@ccr/protocol"],
    types: ["apps/backend/src/runs/deps.ts", "apps/backend/src/observe/log.ts", "apps/backend/src/observe/mask.ts"],
    why: "beside main.ts are only small parts that it starts with",
  },
  { room: "apps/backend/src/drivers/*.ts", may: ["@ccr/protocol"], why: "a concrete driver is named in main.ts alone" },
];

/** Test files, and the folders of what only tests use, stand outside of the walls; in these rooms they do not. */
const STRICT_ROOMS = ["packages/protocol/src", "apps/frontend/src"];
const isTest = (/** @type {string} */ path) =>
  /(\.test|-suite|conformance)\.tsx?$|\/(testing|suite|conformance|browser-test)\//.test(path);

/** @param {string} path @param {string} place a file, a folder, or all files right in a folder (`folder/*.ts`) */
const isIn = (path, place) =>
  place.endsWith("/*.ts")
    ? posix.dirname(path) === place.slice(0, -"/*.ts".length)
    : path === place || path.startsWith(`${place}/`);

/** @param {string} specifier */
const packageOf = (specifier) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/**
 * Everything that a file imports or exports from elsewhere, dynamic imports with a plain text included.
 * @param {string} path
 * @param {string} source
 * @returns {{ specifier: string, typeOnly: boolean, line: number }[]}
 */
const importsOf = (path, source) => {
  const { module, errors } = parseSync(path, source);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const line = (/** @type {number} */ offset) => source.slice(0, offset).split("\n").length;
  return [
    ...module.staticImports.map(({ moduleRequest, entries, start }) => ({
      specifier: moduleRequest.value,
      typeOnly: entries.length > 0 && entries.every((entry) => entry.isType),
      line: line(start),
    })),
    ...module.staticExports.flatMap(({ entries, start }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest === null ? [] : [{ specifier: moduleRequest.value, typeOnly: isType, line: line(start) }],
      ),
    ),
    ...module.dynamicImports.flatMap(({ moduleRequest, start }) => {
      const text = source.slice(moduleRequest.start, moduleRequest.end);
      return /^["'].*["']$/.test(text) ? [{ specifier: text.slice(1, -1), typeOnly: false, line: line(start) }] : [];
    }),
  ];
};

/**
 * Whether a room's file may import something; null: yes, else what is wrong. Pure.
 * @param {Rule} rule
 * @param {string} path
 * @param {{ specifier: string, typeOnly: boolean }} wanted
 */
const refusal = (rule, path, { specifier, typeOnly }) => {
  const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : specifier;
  if (!isTest(path) && isTest(target)) return `imports ${target}, which is for tests alone`;
  if (isIn(target, rule.room) || rule.may.some((place) => isIn(target, place))) return null;
  const isOurs = specifier.startsWith(".") || specifier.startsWith("@ccr/");
  if (!isOurs && (rule.packages === undefined || rule.packages.includes(packageOf(specifier)))) return null;
  if (rule.types?.includes(target)) return typeOnly ? null : `imports ${target} other than by 'import type'`;
  return `imports ${target}`;
};

/**
 * The imports of one file that go through a wall, a sentence for each. Pure.
 * @param {string} path from the project's root, with `/`
 * @param {string} source
 * @returns {string[]}
 */
export const wallProblems = (path, source) => {
  const rule = RULES.find(({ room }) => isIn(path, room));
  if (rule === undefined || (isTest(path) && !STRICT_ROOMS.includes(rule.room))) return [];
  const allowed = isTest(path) ? { ...rule, packages: undefined, may: [...rule.may, "@ccr/testkit"] } : rule;
  return importsOf(path, source).flatMap((wanted) => {
    const problem = refusal(allowed, path, wanted);
    return problem === null ? [] : [`${path}:${wanted.line} ${problem}: ${rule.why}`];
  });
};

/** @returns {string[]} the project's source files */
const sourceFiles = () =>
  ["packages", "gateway", "executor", "apps"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path)),
  );

if (process.argv[1] === import.meta.filename) {
  const files = sourceFiles();
  const problems = files.flatMap((path) => wallProblems(path, readFileSync(join(root, path), "utf8")));
  for (const problem of problems) console.error(problem);
  console.log(`${files.length} files, ${problems.length} imports through a wall`);
  if (problems.length > 0) process.exitCode = 1;
}
