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
  },
  // The worker that colours code fetches its grammars one by one.
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/trpc": proxied,
      "/login": proxied,
    },
  },
});
