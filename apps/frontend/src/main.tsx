import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { config } from "zod";
import { ApiContext, createApi } from "./api/client.ts";
import { createSession } from "./api/session.ts";
import { createAppRouter } from "./app/router.tsx";
import { SessionGate } from "./app/session-gate.tsx";
import { ToastProvider } from "./ui/toast.tsx";
import "./styles.css";

// The server's policy allows no `eval`, which zod would otherwise try for faster parsers.
config({ jitless: true });

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

const session = createSession();
const api = createApi(session.expire);
const router = createAppRouter();

createRoot(root).render(
  <StrictMode>
    <ApiContext value={api}>
      <QueryClientProvider client={api.queries}>
        <ToastProvider>
          <SessionGate session={session}>
            <RouterProvider router={router} />
          </SessionGate>
        </ToastProvider>
      </QueryClientProvider>
    </ApiContext>
  </StrictMode>,
);
