import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const backend = "http://127.0.0.1:4100";

// The backend takes requests of its own page only, by host and by origin.
const proxied = { target: backend, changeOrigin: true, headers: { origin: backend } };

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss()],
  build: {
    // The server's content security policy allows no `data:` scripts or fonts; small files stay files.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // What several pages share is one file: many small ones are compressed worse, and each is a request.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "shared", test: /lucide-react|frontend[\\/]src/, minShareCount: 3 }] } },
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
