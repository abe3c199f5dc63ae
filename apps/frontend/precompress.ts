import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

/** Fewer bytes are hardly fewer when they are compressed. */
const LEAST_BYTES = 200;
/** The best there is, for what every visit fetches; grammars and workers, four fifths of all, are seldom fetched and would take ten seconds. */
const BEST = 11;
const SELDOM = 9;

/**
 * Lays a compressed copy beside each file of the build, for the server to send. Browsers take brotli from this machine and over https, and gzip
 * everywhere.
 */
export const precompress = (): Plugin => ({
  name: "precompress",
  apply: "build",
  writeBundle: {
    order: "post",
    async handler({ dir }, bundle) {
      if (dir === undefined) return;
      const names = ["theme.js", ...Object.keys(bundle).filter((name) => /\.(js|css|html|svg|json)$/.test(name))];
      await Promise.all(
        names.map(async (name) => {
          const path = join(dir, name);
          const content = await readFile(path);
          if (content.length < LEAST_BYTES) return;
          const part = bundle[name];
          const isSeldom =
            name.endsWith(".js") && (part?.type !== "chunk" || /[\\/]node_modules[\\/]/.test(part.facadeModuleId ?? ""));
          const params = {
            [constants.BROTLI_PARAM_QUALITY]: isSeldom ? SELDOM : BEST,
            [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
          };
          const [br, gz] = await Promise.all([
            promisify(brotliCompress)(content, { params }),
            promisify(gzip)(content, { level: 9 }),
          ]);
          await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)]);
        }),
      );
    },
  },
});
