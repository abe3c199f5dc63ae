import { z } from "zod";

/** Whom a credential is for. */
export const CREDENTIAL_KINDS = ["model", "github", "gitlab", "gitea", "bitbucket"] as const;

/** What is known of a credential; never a part of its value. */
export const Credential = z.object({
  /** `model`, or the host's name. */
  id: z.string(),
  kind: z.enum(CREDENTIAL_KINDS),
  /** Where it is shown. */
  host: z.string(),
  /** null: there is none. */
  form: z.enum(["api_key", "oauth_token", "token", "app"]).nullable(),
  /** The variable that it came by. */
  source: z.string().nullable(),
});
export type Credential = z.infer<typeof Credential>;

export const TestCredentialInput = z.strictObject({ id: z.string().min(1).max(300) });
export type TestCredentialInput = z.infer<typeof TestCredentialInput>;

/** What the other side said to a credential, in a sentence. */
export const CredentialTest = z.object({ works: z.boolean(), sentence: z.string() });
export type CredentialTest = z.infer<typeof CredentialTest>;
