import { type ReactNode, useSyncExternalStore } from "react";
import type { Session } from "../api/session.ts";
import { LoginPage } from "./login.tsx";

/** Shows the page while the server knows this browser, else the login. The address stays, so that the login comes back to it. */
export const SessionGate = ({ session, children }: { session: Session; children: ReactNode }) =>
  useSyncExternalStore(session.subscribe, session.isExpired) ? <LoginPage /> : children;
