import { ErrorBody } from "@ccr/protocol";
import { KeyRound } from "lucide-react";
import { type SubmitEvent, useEffect, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { Card } from "../ui/layout.tsx";
import { Wordmark } from "./wordmark.tsx";

const ANSWER_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 5000;

/** Trades the token for a session cookie; gives what went wrong in a sentence, or null when it worked. */
const logIn = async (token: string): Promise<string | null> => {
  const response = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  }).catch(() => null);
  if (response === null) return "The server cannot be reached. See whether it still runs, then try again.";
  if (response.ok) return null;
  if (response.status === 401) return "This is not the server's token. Look for the newest link that the server printed.";
  const body = ErrorBody.safeParse(await response.json().catch(() => null));
  return body.success ? body.data.error.message : `The server answered with ${response.status}. Its log says why.`;
};

/** Somebody may have logged in with another tab. */
const reloadOnceKnown = (): (() => void) => {
  const look = async (): Promise<void> => {
    if (document.hidden) return;
    const answer = await fetch("/trpc/server.info", { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).catch(() => null);
    if (answer?.ok === true) location.reload();
  };
  const lookNow = (): void => void look();
  const timer = setInterval(lookNow, LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", lookNow);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", lookNow);
  };
};

/** What somebody sees whom the server does not know. */
export const LoginPage = () => {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(reloadOnceKnown, []);
  const submit = async (event: SubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (token.trim() === "") return setProblem("The token is empty: paste it from the server's output.");
    setBusy(true);
    const failed = await logIn(token.trim());
    if (failed === null) return location.reload();
    setProblem(failed);
    setBusy(false);
  };
  return (
    <main className="grid min-h-full place-items-center p-4">
      <title>Log in – claude-code-runner</title>
      <div className="flex w-full max-w-sm flex-col gap-5">
        <Wordmark />
        <Card className="flex flex-col gap-4 p-6">
          <div>
            <h1 className="text-lg font-semibold">Log in</h1>
            <p className="mt-1.5 text-pretty text-ink-soft">
              Open the login link that the server printed when it started. Or paste the token: the part of the link after
              <code className="code"> token=</code>.
            </p>
          </div>
          <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
            <Field label="Token" error={problem ?? undefined}>
              {(parts) => (
                <TextInput
                  {...parts}
                  type="password"
                  name="token"
                  autoComplete="current-password"
                  value={token}
                  onChange={(event) => setToken(event.target.value)}
                />
              )}
            </Field>
            <Button type="submit" tone="primary" busy={busy}>
              <KeyRound aria-hidden className="size-3.5" /> Log in
            </Button>
          </form>
        </Card>
        <p className="text-xs text-pretty text-ink-faint">What you have typed elsewhere in this tab is kept.</p>
      </div>
    </main>
  );
};
