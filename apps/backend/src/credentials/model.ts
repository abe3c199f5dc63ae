import type { CredentialTest } from "@ccr/protocol";
import { z } from "zod";

/** What the model is asked with; see `ModelCredential` of the configuration. */
export type ModelAccess = { kind: "api_key" | "oauth_token"; value: string };

const WITHIN_MS = 15_000;
const ANSWER_MAX_CHARACTERS = 64 * 1024;
const SAID_MAX_CHARACTERS = 300;

// Counting costs nothing, and is a route that every run uses. Whether this very model is there does not matter.
const QUESTION = { model: "claude-sonnet-4-5", messages: [{ role: "user", content: "Hello" }] };

const Refusal = z.object({ error: z.object({ type: z.string().optional(), message: z.string() }) });

const said = (body: string): { type: string; message: string } => {
  try {
    const { type = "", message } = Refusal.parse(JSON.parse(body)).error;
    return { type, message: message.slice(0, SAID_MAX_CHARACTERS) };
  } catch {
    return { type: "", message: "" }; // a web page, or nothing that was meant for people
  }
};

/** What an answer to the question says of the credential. Pure. */
export const judgeAnswer = (host: string, { status, body }: { status: number; body: string }): CredentialTest => {
  const { type, message } = said(body);
  const words = message === "" ? "" : ` It says: ${message}`;
  if (status >= 200 && status < 300) return { works: true, sentence: `${host} takes it.` };
  if (status === 401 || status === 403)
    return { works: false, sentence: `${host} does not take it: it is wrong, has expired, or may not do this.${words}` };
  if (status === 404 && type === "not_found_error" && message !== "")
    return { works: true, sentence: `${host} takes it, and does not know the model that was asked for.${words}` };
  if (status === 429) return { works: true, sentence: `${host} takes it, and allows no more requests for now.${words}` };
  if (status >= 500) return { works: false, sentence: `${host} failed with status ${status}. Test again later.${words}` };
  return {
    works: false,
    sentence: `${host} answered with status ${status}, which is no answer here. Check ANTHROPIC_BASE_URL.${words}`,
  };
};

const reasonOf = (error: unknown): string => {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  if (reason instanceof Error && "code" in reason && typeof reason.code === "string") return reason.code;
  return reason instanceof Error ? reason.name : "unknown";
};

/** Asks the model's API to count the tokens of one word with this credential. Never throws. */
export const testModel = async (access: ModelAccess, baseUrl: URL, signal: AbortSignal): Promise<CredentialTest> => {
  const { host } = baseUrl;
  try {
    const answer = await fetch(`${baseUrl.href.replace(/\/+$/, "")}/v1/messages/count_tokens`, {
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        ...(access.kind === "api_key"
          ? { "x-api-key": access.value }
          : { authorization: `Bearer ${access.value}`, "anthropic-beta": "oauth-2025-04-20" }),
      },
      body: JSON.stringify(QUESTION),
      signal: AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]),
    });
    return judgeAnswer(host, { status: answer.status, body: (await answer.text()).slice(0, ANSWER_MAX_CHARACTERS) });
  } catch (error) {
    return {
      works: false,
      sentence: `${host} cannot be reached (${reasonOf(error)}). Check ANTHROPIC_BASE_URL, the network and its certificate.`,
    };
  }
};
