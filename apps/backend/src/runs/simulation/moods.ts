/** How much goes wrong in a history: how often each of these happens at most, by itself. */
export type Mood = {
  /** To each server: it is killed or frozen, at any moment or in the middle of something, or its clock is set. */
  servers: number;
  /** To each server: it is stopped in order, and started again. */
  stops: number;
  /** To each server: it does not reach the database, though the others do. */
  cutOffs: number;
  /** All servers are away at once, while agents work on, and many runs have a short limit of time. */
  absences: number;
  /** To each server: its gateway dies, and cannot be started again for a while. */
  gateways: number;
  /** To sandboxes and agents: they are killed, frozen, or cut off. */
  sandboxes: number;
  /** A sandbox dies, and the server that revives it freezes on the way, until another one of its machine has taken over, or nearly. */
  duels: number;
  /** The database is away, for all servers. Also whether it refuses, now and then, what it is asked. */
  store: number;
  engine: number;
  /** Whether connections to executors break. */
  cuts: number;
};

export const CALM: Mood = {
  servers: 0,
  stops: 0,
  cutOffs: 0,
  absences: 0,
  gateways: 0,
  sandboxes: 0,
  duels: 0,
  store: 0,
  engine: 0,
  cuts: 0,
};

export const MOODS: readonly [Mood, ...Mood[]] = [
  CALM,
  { ...CALM, servers: 5 },
  { ...CALM, servers: 3 },
  { ...CALM, servers: 4, store: 2 },
  { ...CALM, stops: 2 },
  { ...CALM, stops: 2, servers: 1, store: 1 },
  { ...CALM, store: 3 },
  { ...CALM, cutOffs: 2, store: 1 },
  { ...CALM, absences: 1 },
  { ...CALM, absences: 2, sandboxes: 1 },
  { ...CALM, gateways: 2 },
  { ...CALM, gateways: 2, servers: 2, stops: 1 },
  { ...CALM, sandboxes: 3 },
  { ...CALM, duels: 2 },
  { ...CALM, duels: 2, servers: 1, sandboxes: 1 },
  { ...CALM, duels: 3, servers: 3, sandboxes: 3 },
  { ...CALM, gateways: 1, servers: 2, sandboxes: 2, store: 1, engine: 1, cuts: 1 },
  { ...CALM, gateways: 1, servers: 3, stops: 1, cutOffs: 1, sandboxes: 3, store: 2, engine: 2, cuts: 2 },
];
