// How much each page of the web UI takes to be there for the first time, compressed: node scripts/first-load.mjs [folder of the build]
//
// What counts is what a browser fetches before it can show the page: the document, the entry with all that it imports, and the page's own part
// with all that this imports, scripts and styles. Each file counts once. No time is measured, so that the same build always gives the same.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "./setup/places.mjs";

/** No page may take more. */
export const LIMIT_BYTES = 250 * 1000;

/** @typedef {{ file: string, src?: string, name?: string, isEntry?: boolean, imports?: string[], dynamicImports?: string[], css?: string[] }} Chunk */

/**
 * The files behind a part, each once.
 * @param {Record<string, Chunk>} manifest
 * @param {string} name
 * @param {Set<string>} [files]
 * @param {Set<string>} [seen]
 */
const filesOf = (manifest, name, files = new Set(), seen = new Set()) => {
  const chunk = manifest[name];
  if (chunk === undefined) throw new Error(`the manifest has no ${name}`);
  if (seen.has(name)) return files;
  seen.add(name);
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
  for (const imported of chunk.imports ?? []) filesOf(manifest, imported, files, seen);
  return files;
};

/**
 * What each page takes, the largest first: everything that the entry fetches by itself when an address wants it.
 * @param {string} dist
 * @returns {{ page: string, files: number, bytes: number }[]}
 */
export const measureFirstLoads = (dist) => {
  /** @type {Record<string, Chunk>} */
  const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
  /** @param {string} file */
  const sizeOf = (file) => gzipSync(readFileSync(join(dist, file)), { level: 6 }).length;
  const entry = Object.keys(manifest).find((name) => manifest[name]?.isEntry === true);
  if (entry === undefined) throw new Error("the manifest has no entry");
  const first = filesOf(manifest, entry);
  const pages = (manifest[entry]?.dynamicImports ?? []).filter((name) => /-page\.tsx$/.test(name));
  return pages
    .map((name) => {
      const files = new Set(["index.html", "theme.js", ...first, ...filesOf(manifest, name)]);
      const bytes = [...files].reduce((sum, file) => sum + sizeOf(file), 0);
      return { page: name.replace(/^src\//, ""), files: files.size, bytes };
    })
    .toSorted((a, b) => b.bytes - a.bytes);
};

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;

if (import.meta.main) {
  const loads = measureFirstLoads(process.argv[2] ?? join(root, "apps/frontend/dist"));
  for (const { page, files, bytes } of loads)
    console.log(`${kilobytes(bytes).padStart(9)}  ${String(files).padStart(2)} files  ${page}`);
  const over = loads.filter(({ bytes }) => bytes > LIMIT_BYTES);
  if (over.length > 0) {
    console.error(`More than ${kilobytes(LIMIT_BYTES)}: ${over.map(({ page }) => page).join(", ")}`);
    process.exitCode = 1;
  }
}
