import type { Context } from "../trpc.ts";

/** What nobody is to call. */
export const unused = (): never => {
  throw new Error("this is not used here");
};

/** Rooms that a test does not use. */
export const noContext: Context = {
  tasks: {
    create: unused,
    find: unused,
    list: unused,
    update: unused,
    delete: unused,
    overview: unused,
    listVersions: unused,
    findVersion: unused,
  },
  environments: {
    create: unused,
    get: unused,
    list: unused,
    update: unused,
    delete: unused,
    setSecrets: unused,
    setDefault: unused,
    rebuild: unused,
    setups: unused,
    removeSetup: unused,
    facts: unused,
  },
  runs: {
    create: unused,
    get: unused,
    list: unused,
    setPriority: unused,
    cancel: unused,
    messages: unused,
    follow: unused,
    diff: unused,
    requests: unused,
  },
  results: { push: unused, followUp: unused },
  talk: {
    say: unused,
    list: unused,
    edit: unused,
    withdraw: unused,
    interrupt: unused,
    answer: unused,
    configure: unused,
    draft: unused,
  },
  network: { allowHost: unused },
  listing: { page: unused, counts: unused, select: unused, some: unused, overview: unused, dismiss: unused },
  launches: { start: unused, setUp: unused, retry: unused, retryMany: unused, cancelMany: unused },
  repositories: { search: unused, recent: unused, branches: unused },
  batches: {
    create: unused,
    get: unused,
    list: unused,
    rows: unused,
    setPaused: unused,
    cancel: unused,
    retry: unused,
    choose: unused,
  },
  instances: { get: unused, list: unused, usage: unused, remove: unused },
  shells: { list: unused, open: unused, type: unused, resize: unused, close: unused, follow: unused },
  files: { list: unused, paths: unused, open: unused },
  upkeep: { disk: unused, cleanUp: unused },
  server: { info: unused, about: unused },
  overview: { spend: unused, budgets: unused, setBudgets: unused },
  credentials: { list: unused, test: unused },
};
