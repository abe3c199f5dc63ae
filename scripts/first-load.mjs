// How much each page of the web UI takes to be there for the first time, compressed: node scripts/first-load.mjs [folder of the build]
//
// What counts is what a browser fetches before it shows the page whole: the document, the entry with all that it imports, the page's own part with
// all that this imports, and the parts that the page asks for by itself as soon as it is there. Each file counts once, as the server sends it to a
// browser that takes brotli; in brackets what it is with gzip. No time is measured, so that the same build always gives the same.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "./setup/places.mjs";

/** No page may take more script. */
export const LIMIT_BYTES = 250 * 1000;

/**
 * What a page asks for as soon as it is there.
 * @type {Record<string, string[]>}
 */
const AT_ONCE = {
  "src/runs/page/run-page.tsx": ["transcript/transcript.tsx", "talk/talk-bar.tsx", "talk/draft.tsx"].map(
    (name) => `src/runs/${name}`,
  ),
};

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
 * What each page takes, the one with the most script first: everything that is fetched by itself when an address wants it.
 * @param {string} dist
 * @returns {{ page: string, files: number, scriptBytes: number, bytes: number, gzipBytes: number }[]}
 */
export const measureFirstLoads = (dist) => {
  /** @type {Record<string, Chunk>} */
  const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
  /** @param {string} file */
  const sizeOf = (file) => {
    const path = join(dist, file);
    return existsSync(`${path}.br`) ? statSync(`${path}.br`).size : statSync(path).size;
  };
  /** @param {string} file */
  const gzipSizeOf = (file) => gzipSync(readFileSync(join(dist, file))).length;
  const entry = Object.keys(manifest).find((name) => manifest[name]?.isEntry === true);
  if (entry === undefined) throw new Error("the manifest has no entry");
  const first = filesOf(manifest, entry);
  const pages = (manifest[entry]?.dynamicImports ?? []).filter((name) => /-page\.tsx$/.test(name));
  return pages
    .map((name) => {
      const parts = [name, ...(AT_ONCE[name] ?? [])];
      const files = [...new Set(["index.html", "theme.js", ...first, ...parts.flatMap((part) => [...filesOf(manifest, part)])])];
      /** @param {string[]} some @param {(file: string) => number} size */
      const sum = (some, size) => some.reduce((total, file) => total + size(file), 0);
      return {
        page: name.replace(/^src\//, ""),
        files: files.length,
        scriptBytes: sum(
          files.filter((file) => file.endsWith(".js")),
          sizeOf,
        ),
        bytes: sum(files, sizeOf),
        gzipBytes: sum(files, gzipSizeOf),
      };
    })
    .toSorted((a, b) => b.scriptBytes - a.scriptBytes);
};

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;

if (import.meta.main) {
  const loads = measureFirstLoads(process.argv[2] ?? join(root, "apps/frontend/dist"));
  console.log(`${"script".padStart(9)}  ${"with styles (gzip)".padStart(21)}`);
  for (const { page, files, scriptBytes, bytes, gzipBytes } of loads) {
    const all = `${kilobytes(bytes)} (${kilobytes(gzipBytes)})`;
    console.log(`${kilobytes(scriptBytes).padStart(9)}  ${all.padStart(21)}  ${String(files).padStart(2)} files  ${page}`);
  }
  const over = loads.filter(({ scriptBytes }) => scriptBytes > LIMIT_BYTES);
  if (over.length > 0) {
    console.error(`More than ${kilobytes(LIMIT_BYTES)} of script: ${over.map(({ page }) => page).join(", ")}`);
    process.exitCode = 1;
  }
}
