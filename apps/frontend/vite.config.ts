import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

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

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss(), viewerWith("languages.ts")],
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
