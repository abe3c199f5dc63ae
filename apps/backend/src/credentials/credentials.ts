import { CcrError, type Credential, type CredentialTest } from "@ccr/protocol";
import { accountAt } from "../forges/account.ts";
import { ForgeError } from "../forges/failure.ts";
import type { GitHostCredential, GitHostSettings } from "../forges/types.ts";
import { type ModelAccess, testModel } from "./model.ts";
import type { Credentials } from "./types.ts";

const MODEL = "model";
const MODEL_SOURCES = { api_key: "ANTHROPIC_API_KEY", oauth_token: "CLAUDE_CODE_OAUTH_TOKEN" } as const;

const USUAL = [
  { host: "github.com", kind: "github", source: "GITHUB_TOKEN", appSource: "GITHUB_APP_ID" },
  { host: "gitlab.com", kind: "gitlab", source: "GITLAB_TOKEN", appSource: "" },
  { host: "bitbucket.org", kind: "bitbucket", source: "BITBUCKET_TOKEN", appSource: "" },
] as const;

/** Tells what credentials a server was started with; `variables` are the names of those that were set. Pure. */
export const listCredentials = (given: {
  model: ModelAccess | null;
  modelHost: string;
  hosts: readonly GitHostSettings[];
  variables: ReadonlySet<string>;
}): Credential[] => {
  const { model, modelHost, hosts, variables } = given;
  const ofHost = ({ host, kind, credential }: GitHostSettings): Credential => {
    const usual = USUAL.find((known) => known.host === host);
    const byVariable = usual === undefined ? "" : credential?.kind === "app" ? usual.appSource : usual.source;
    const source = variables.has(byVariable) ? byVariable : "CCR_GIT_HOSTS";
    return { id: host, kind, host, form: credential?.kind ?? null, source: credential === null ? null : source };
  };
  const missing = USUAL.filter(({ host }) => !hosts.some((known) => known.host === host));
  return [
    {
      id: MODEL,
      kind: "model",
      host: modelHost,
      form: model?.kind ?? null,
      source: model === null ? null : MODEL_SOURCES[model.kind],
    },
    ...hosts.map(ofHost),
    ...missing.map(({ host, kind }): Credential => ({ id: host, kind, host, form: null, source: null })),
  ];
};

const hasCredential = (host: GitHostSettings): host is GitHostSettings & { credential: GitHostCredential } =>
  host.credential !== null;

const testHost = async (
  settings: GitHostSettings & { credential: GitHostCredential },
  signal: AbortSignal,
): Promise<CredentialTest> => {
  const { host, credential } = settings;
  try {
    const account = await accountAt(settings, signal);
    const whose = credential.kind === "app" ? `the App ${account}` : account;
    return { works: true, sentence: `${host} takes it, as that of ${whose}.` };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ForgeError)) throw error;
    // Tokens of a project or a repository belong to nobody whom the host could name.
    const hint =
      error.kind === "forbidden" ? " A token of one repository or group alone may still work there: launch a run to see." : "";
    return { works: false, sentence: `${error.message}${hint}` };
  }
};

export const createCredentials = (given: {
  model: ModelAccess | null;
  modelUrl: URL;
  hosts: readonly GitHostSettings[];
  variables: ReadonlySet<string>;
}): Credentials => {
  const { model, modelUrl, hosts } = given;
  return {
    list: () => listCredentials({ ...given, modelHost: modelUrl.host }),
    test: async (id, signal) => {
      if (id === MODEL && model !== null) return testModel(model, modelUrl, signal);
      const found = hosts.filter(hasCredential).find(({ host }) => host === id);
      if (found !== undefined) return testHost(found, signal);
      throw new CcrError("not_found", `This server has no credential for ${id}; server.credentials shows those there are.`);
    },
  };
};
