import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { precompress } from "./precompress.ts";

const backend = "http://127.0.0.1:4100";

// The backend takes requests of its own page only, by host and by origin.
const proxied = { target: backend, changeOrigin: true, headers: { origin: backend } };

// The diff viewer would bring three hundred languages and a hundred themes along, once for the page and once for its worker.
const viewerWith = (languages: string): Plugin => {
  const changes = `${import.meta.dirname}/src/runs/changes`;
  return {
    name: "parts-of-the-diff-viewer",
    enforce: "pre",
    resolveId: (id) => {
      if (id === "shiki/langs") return `${changes}/${languages}`;
      return id === "@pierre/theming/themes" ? `${changes}/themes.ts` : null;
    },
  };
};

// The page reads with zod, and never makes JSON schemas of what it reads with: what would make them is a fifth of zod, and every page's.
const withoutJsonSchema: Plugin = {
  name: "zod-without-json-schema",
  apply: "build",
  transform: {
    filter: { id: /[\\/]zod[\\/]v4[\\/]core[\\/](to-json-schema|json-schema-processors)\.js$/ },
    handler: (code) => {
      const names = [...code.matchAll(/^export (?:(?:const|function) |\{ \w+ as )(\w+)/gm)].map(([, name]) => name);
      return {
        code: `const none = () => undefined;\nexport { ${names.map((name) => `none as ${name}`).join(", ")} };\n`,
        map: null,
      };
    },
  },
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss(), viewerWith("languages.ts"), withoutJsonSchema, precompress()],
  worker: {
    format: "es",
    // The worker of the viewer is sent each language with the first file in it; the one that colours other code fetches its grammars one by one.
    plugins: () => [viewerWith("no-languages.ts")],
  },
  build: {
    // The server's content security policy allows no `data:` scripts or fonts; small files stay files.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // What most pages share is one file: many small ones are compressed worse, and each is a request. What few share stays with them.
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "shared", test: /lucide-react|frontend[\\/]src[\\/](ui|api)/, minShareCount: 6 }] },
      },
    },
    // What each page takes is measured by it.
    manifest: true,
    // The settings show it.
    license: { fileName: "licenses.json" },
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/trpc": proxied,
      "/login": proxied,
    },
  },
});
