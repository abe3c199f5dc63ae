import type { Context } from "../trpc.ts";

/** What nobody is to call. */
export const unused = (): never => {
  throw new Error("this is not used here");
};

/** Rooms that a test does not use. */
export const noContext: Context = {
  tasks: { create: unused, find: unused, list: unused, update: unused, delete: unused },
  environments: {
    create: unused,
    get: unused,
    list: unused,
    update: unused,
    delete: unused,
    setSecrets: unused,
    setDefault: unused,
    rebuild: unused,
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
  repositories: { search: unused },
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
  shells: { list: unused, open: unused, type: unused, resize: unused, close: unused, follow: unused },
  files: { list: unused, open: unused },
  instances: { get: unused, list: unused, remove: unused },
  upkeep: { disk: unused, cleanUp: unused },
  info: unused,
};
