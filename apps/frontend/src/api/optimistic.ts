import { hashKey, type InferDataFromTag, type QueryClient, type QueryKey } from "@tanstack/react-query";

/** What the server last told under a key, and what is laid over that, in the order in which it was asked for. */
type Layers = { told: unknown; toldAt: number; changes: Set<() => void>; isLaying: boolean; stop: () => void };

const layersOf = new WeakMap<QueryClient, Map<string, Layers>>();

const begin = (queries: QueryClient, queryKey: QueryKey, lay: (layers: Layers) => void): Layers => {
  const hash = hashKey(queryKey);
  const known = queries.getQueryState<unknown>(queryKey);
  const layers: Layers = {
    told: known?.data,
    toldAt: known?.dataUpdatedAt ?? 0,
    changes: new Set(),
    isLaying: false,
    stop: queries.getQueryCache().subscribe((event) => {
      if (layers.isLaying || event.type !== "updated" || event.action.type !== "success" || event.query.queryHash !== hash)
        return;
      layers.told = event.query.state.data;
      layers.toldAt = event.query.state.dataUpdatedAt;
      lay(layers);
    }),
  };
  return layers;
};

/** How a change that is shown ends: both are idempotent, and after one of them the other does nothing. */
export type Shown = {
  /** It is not shown any more. */
  takeBack: () => void;
  /** It has become so: it is a part of what the server told. */
  keep: () => void;
};

/**
 * Shows data as they will be once the server has done what it is asked for: `change` is laid over what is known, and over all that is read meanwhile.
 * Changes of one key lie over each other in their order. `change` gets undefined where nothing is known yet, must be pure, and is to leave alone data
 * in which it was done already.
 */
export const showChanged = <Key extends QueryKey>(
  queries: QueryClient,
  queryKey: Key,
  change: (data: InferDataFromTag<unknown, Key> | undefined) => InferDataFromTag<unknown, Key> | undefined,
): Shown => {
  const hash = hashKey(queryKey);
  const all = layersOf.get(queries) ?? new Map<string, Layers>();
  layersOf.set(queries, all);
  const laying = (layers: Layers, write: () => void): void => {
    layers.isLaying = true;
    write();
    layers.isLaying = false;
  };
  const unlay = ({ told, toldAt }: Layers): void => {
    // Where nothing was known before, nothing is known now.
    if (told === undefined) queries.removeQueries({ queryKey, exact: true });
    else queries.setQueryData<unknown>(queryKey, told, { updatedAt: toldAt });
  };
  const lay = (layers: Layers): void =>
    laying(layers, () => {
      unlay(layers);
      for (const each of layers.changes) each();
    });
  const layers = all.get(hash) ?? begin(queries, queryKey, lay);
  all.set(hash, layers);
  const apply = (): void => void queries.setQueryData(queryKey, change, { updatedAt: layers.toldAt });
  layers.changes.add(apply);
  laying(layers, apply);
  const end = (isSo: boolean): void => {
    if (!layers.changes.delete(apply)) return;
    if (isSo)
      laying(layers, () => {
        unlay(layers);
        apply();
        layers.told = queries.getQueryData<unknown>(queryKey);
      });
    lay(layers);
    if (layers.changes.size > 0) return;
    layers.stop();
    all.delete(hash);
  };
  return { takeBack: () => end(false), keep: () => end(true) };
};

/**
 * How a mutation goes on that has shown its change: it is taken back when it is refused, which `onRefused` is told of, and stands by itself once what
 * the keys name was read again, or could not be.
 */
export const afterShown = (queries: QueryClient, queryKeys: readonly QueryKey[], onRefused: (error: unknown) => void) => ({
  onError: (error: unknown, _input: unknown, shown: Shown | undefined): void => {
    shown?.takeBack();
    onRefused(error);
  },
  onSettled: async (_data: unknown, _error: unknown, _input: unknown, shown: Shown | undefined): Promise<void> => {
    await Promise.all(queryKeys.map((queryKey) => queries.invalidateQueries({ queryKey })));
    shown?.keep();
  },
});
