import type { AppRouter } from "@ccr/backend/router";
import {
  CcrError,
  type DefaultEnvironment,
  type Environment,
  EnvironmentId,
  type EnvironmentView,
  type SetSecretsInput,
} from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

type Rooms = inferRouterContext<AppRouter>["environments"];

/** The room of environments in memory; values of secrets are remembered as given, and never told. */
export const memoryEnvironments = (made: { number: () => string; at: () => string }) => {
  const all: Environment[] = [];
  const defaults: DefaultEnvironment[] = [];
  const given: SetSecretsInput[] = [];
  const rebuilt: EnvironmentId[] = [];
  const facts = { hasImages: true, packageHosts: [{ host: "packages.example.org", ports: [443] }] };
  const view = (environment: Environment): EnvironmentView => ({ ...environment, missingSecrets: [] });
  const indexOf = (id: EnvironmentId): number => {
    const index = all.findIndex((known) => known.id === id);
    if (index === -1) throw new CcrError("not_found", `There is no environment ${id}.`);
    return index;
  };
  const change = (id: EnvironmentId, patch: Partial<Environment>): EnvironmentView => {
    const index = indexOf(id);
    const old = all[index];
    if (old === undefined) throw new Error("it was just there");
    const next = { ...old, ...patch, updatedAt: made.at() };
    all.splice(index, 1, next);
    return view(next);
  };
  const rooms: Rooms = {
    async create(input) {
      const at = made.at();
      const environment = {
        ...input,
        id: EnvironmentId.parse(`env_${made.number()}`),
        secretNames: [],
        generation: 0,
        version: 1,
        createdAt: at,
        updatedAt: at,
      };
      all.unshift(environment);
      return view(environment);
    },
    get: async (id) => change(id, {}),
    list: async () => all.map(view),
    update: async ({ id, expectedVersion, ...patch }) => {
      const version = all[indexOf(id)]?.version ?? 0;
      if (expectedVersion !== undefined && expectedVersion !== version)
        throw new CcrError("conflict", "The environment was saved by somebody else meanwhile.");
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
      return change(id, { ...given, version: version + 1 });
    },
    async delete(id) {
      all.splice(indexOf(id), 1);
    },
    async setSecrets(input) {
      given.push(input);
      const names = new Set(all[indexOf(input.id)]?.secretNames);
      for (const [name, value] of Object.entries(input.secrets)) {
        if (value === null) names.delete(name);
        else names.add(name);
      }
      return change(input.id, { secretNames: [...names].sort() });
    },
    async setDefault({ repository, environmentId }) {
      const index = defaults.findIndex((known) => known.repository === repository);
      if (index !== -1) defaults.splice(index, 1);
      if (environmentId !== null) defaults.push({ repository, environmentId });
    },
    setups: async () => [],
    removeSetup: async () => {},
    async rebuild(id) {
      rebuilt.push(id);
      return change(id, { generation: (all[indexOf(id)]?.generation ?? 0) + 1 });
    },
    facts: async () => ({ ...facts, defaults }),
  };
  return { all, defaults, given, rebuilt, facts, rooms };
};
export type MemoryEnvironments = ReturnType<typeof memoryEnvironments>;
