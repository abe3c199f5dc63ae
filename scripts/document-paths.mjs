// Whether every path that the documents name exists: node scripts/document-paths.mjs
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { root } from "./setup/places.mjs";

const FOLDERS = ["apps", "executor", "gateway", "packages", "e2e", "docs", "scripts", ".ci"];
/** Placeholders such as `docs/decisions/NNNN-title.md`, `<id>`, `*`, `{a,b}`, and what is made at run time. */
const NO_PATH = /NNNN|[<>*{}…$]|^(node_modules|dist)\b/;

/**
 * The paths that a document names: the targets of its links and pictures, and code in backticks that begins with one of the
 * project's folders. Pure.
 * @param {string} text Markdown
 * @returns {{ path: string, line: number, relative: boolean }[]} `relative`: to the document; else to the project's root
 */
export const namedPaths = (text) => {
  let fenced = false;
  return text.split("\n").flatMap((content, index) => {
    if (/^\s*(```|~~~)/.test(content)) fenced = !fenced;
    const line = index + 1;
    const links = [...content.matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)]
      .map((match) => (match[1] ?? match[2] ?? "").replace(/[#?].*$/, ""))
      .filter((path) => path !== "" && !/^[a-z]+:/i.test(path))
      .map((path) => ({ path, line, relative: true }));
    const words = fenced ? content.split(/\s+/) : [...content.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
    const names = words
      .map((word) => word.replace(/^\.\//, "").replace(/[,;:.]+$/, ""))
      .filter(
        (word) => FOLDERS.includes(word.split("/")[0] ?? "") && word.includes("/") && !/\s/.test(word) && !NO_PATH.test(word),
      )
      .map((path) => ({ path, line, relative: false }));
    return fenced ? names : [...links, ...names];
  });
};

/**
 * @param {string} document from the project's root
 * @param {string} text
 * @param {(path: string) => boolean} exists
 * @returns {string[]} a sentence for each path that is named and not there
 */
export const missingPaths = (document, text, exists) =>
  namedPaths(text).flatMap(({ path, line, relative }) => {
    const target = relative ? posix.join(posix.dirname(document), path) : posix.normalize(path);
    return exists(target) ? [] : [`${document}:${line} names ${target}, which does not exist`];
  });

/** @returns {string[]} the documents, from the project's root */
export const documents = () => [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => posix.join("docs", name)),
];

if (process.argv[1] === import.meta.filename) {
  const problems = documents().flatMap((document) =>
    missingPaths(document, readFileSync(join(root, document), "utf8"), (path) => existsSync(join(root, path))),
  );
  for (const problem of problems) console.error(problem);
  console.log(`${documents().length} documents, ${problems.length} paths that are gone`);
  if (problems.length > 0) process.exitCode = 1;
}
