import {
  type AllowRule,
  CcrError,
  type Environment,
  type EnvironmentId,
  type EnvironmentView,
  parseRepository,
  repositoryKey,
} from "@ccr/protocol";
import type { EnvironmentStore } from "../store/environment-types.ts";
import type { Secrets } from "./secrets.ts";
import type { Environments, Setups } from "./types.ts";

const noSuch = (id: EnvironmentId): CcrError =>
  new CcrError("not_found", `There is no environment ${id}; environments.list shows those there are.`);

/** A name means one thing to a script: a plain variable, or a secret. */
const refuseBoth = (variables: Iterable<string>, secrets: readonly string[]): void => {
  const both = [...variables].filter((name) => secrets.includes(name));
  if (both.length === 0) return;
  throw new CcrError(
    "conflict",
    `${both.join(", ")} would be a plain variable and a secret. Take one of them away first, or choose another name.`,
  );
};

export const createEnvironments = (options: {
  store: EnvironmentStore;
  secrets: Secrets;
  setups: Setups;
  hasImages: boolean;
  packageHosts: () => Promise<AllowRule[]>;
  now?: () => Date;
}): Environments => {
  const { store, secrets, setups, hasImages, packageHosts, now = () => new Date() } = options;

  const view = async (environment: Environment): Promise<EnvironmentView> => {
    const values = environment.secretNames.length === 0 ? {} : await secrets.read(environment.id).catch(() => ({}));
    return { ...environment, missingSecrets: environment.secretNames.filter((name) => !Object.hasOwn(values, name)) };
  };
  const find = async (id: EnvironmentId): Promise<Environment> => {
    const found = await store.find(id);
    if (found === null) throw noSuch(id);
    return found;
  };
  const viewOf = (environment: Environment | null, id: EnvironmentId): Promise<EnvironmentView> => {
    if (environment === null) throw noSuch(id);
    return view(environment);
  };
  /** What is in use, by a run or by somebody who is just copying it, goes later by its age. */
  const removeSetups = async (id: EnvironmentId): Promise<void> => {
    const inUse = await store.setupsInUse();
    for (const { name, environmentId } of await setups.list())
      if (environmentId === id && !inUse.has(name)) await setups.remove(name, { usedBefore: now() });
  };

  return {
    create: async (input) => view(await store.create(input)),
    get: async (id) => view(await find(id)),
    list: async () => Promise.all((await store.list()).map(view)),
    update: async (input) => {
      if (input.variables !== undefined) refuseBoth(Object.keys(input.variables), (await find(input.id)).secretNames);
      return viewOf(await store.update(input), input.id);
    },
    delete: async (id) => {
      if (!(await store.delete(id))) throw noSuch(id);
      await removeSetups(id);
      await secrets.remove(id);
    },
    setSecrets: async ({ id, secrets: given }) => {
      const add = Object.keys(given).filter((name) => given[name] !== null);
      const remove = Object.keys(given).filter((name) => given[name] === null);
      refuseBoth(Object.keys((await find(id)).variables), add);
      // In this order: a name without a value ends runs, a value without a name is nothing.
      if (remove.length > 0) await store.nameSecrets(id, { add: [], remove });
      await secrets.change(id, given);
      return viewOf(await store.nameSecrets(id, { add, remove }), id);
    },
    setDefault: async ({ repository, environmentId }) => {
      const parsed = parseRepository(repository);
      if (!parsed.ok) throw new CcrError("bad_request", `repository: ${parsed.message}.`);
      await store.setDefault(repositoryKey(parsed.address), environmentId);
    },
    setups: async (id) => {
      await find(id);
      const inUse = await store.setupsInUse();
      const kept = (await setups.list()).filter(({ environmentId }) => environmentId === id);
      return kept
        .flatMap(({ name, madeAt, usedAt, bytes, from, isHeld }) =>
          madeAt === null || bytes === null
            ? []
            : [{ key: name, madeAt, usedAt: usedAt.toISOString(), bytes, from, inUse: isHeld || inUse.has(name) }],
        )
        .sort((a, b) => b.usedAt.localeCompare(a.usedAt));
    },
    removeSetup: async ({ id, key }) => {
      await find(id);
      const kept = (await setups.list()).find(({ name, environmentId }) => name === key && environmentId === id);
      if (kept === undefined) return;
      const inUse = (await store.setupsInUse()).has(key);
      // What was used at this very moment is in use.
      if (inUse || !(await setups.remove(key, { usedBefore: now() })))
        throw new CcrError("conflict", "A run that goes on uses what this set-up left. Try again when it has ended.");
    },
    rebuild: async (id) => {
      const renewed = await store.renew(id);
      if (renewed === null) throw noSuch(id);
      await removeSetups(id);
      return view(renewed);
    },
    facts: async () => ({ hasImages, packageHosts: await packageHosts(), defaults: await store.listDefaults() }),
  };
};
