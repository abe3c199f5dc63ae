export {
  type DockerEngine,
  ensureBaseImage,
  type NoDockerEngine,
  sharedDockerEngine,
  shareEngine,
  testCache,
  whileNoOtherTest,
} from "./engine.ts";
export { engineApi } from "./engine-api.ts";
export { type TemporaryFolder, temporaryFolder } from "./folders.ts";
export type { ForgeFault } from "./forges/fault.ts";
export type { ForgeRequest } from "./forges/server.ts";
export { type FakeForge, type FakeForgeOptions, type ForgeKind, startForge } from "./forges/start-forge.ts";
export {
  commitNamed,
  type ForgeCheck,
  type ForgePullRequest,
  type ForgeRepositoryOptions,
  type NewForgeComment,
} from "./forges/state.ts";
export {
  type GitHttpRequest,
  type GitHttpServer,
  type GitHttpServerOptions,
  type GitServerFault,
  startGitHttpServer,
} from "./git-http-server.ts";
export { type LeakWatch, leakWatch } from "./leaks.ts";
export { type OwnDockerEngine, ownDockerEngine } from "./own-engine.ts";
export { pinnedNode, projectRoot } from "./paths.ts";
export { freePort } from "./ports.ts";
export {
  findPostgres,
  type NoPostgres,
  type PostgresDatabase,
  type PostgresOptions,
  type PostgresServer,
  startPostgres,
} from "./postgres.ts";
export { type Commit, createGitRepository, type Files, type GitRepository, type RepositoryOptions } from "./repositories.ts";
export { type WaitOptions, waitFor } from "./wait.ts";
