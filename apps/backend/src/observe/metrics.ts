import { type FinalStatus, isFinal, RUN_STATUSES, type RunId, type RunReason, type RunStatus } from "@ccr/protocol";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { RunMetrics } from "../runs/deps.ts";

/** One file system, as it is looked at when the metrics are read. */
type FreePlace = { name: string; freeBytes: number; totalBytes: number };

export type MetricsOptions = {
  version: string;
  /** Asked at each reading. */
  countRuns: () => Promise<{ status: RunStatus; reason: RunReason | null; count: number }[]>;
  /** Asked at each reading: what there is, and whether it is enough for another run. */
  disk: () => Promise<{ places: FreePlace[]; enough: boolean }>;
  /** Whether figures of the process itself are given too. */
  process?: boolean;
};

export type HttpRequestFigures = { method: string; route: string; status: number; durationMs: number };

export interface Metrics extends RunMetrics {
  /** One answered request. `route` is a pattern, never a path: each value is kept for ever. */
  httpRequest(request: HttpRequestFigures): void;
  /** Everything in Prometheus' text format. What cannot be asked now is left out, and `ccr_scrape_success` says so. */
  render(): Promise<{ contentType: string; body: string }>;
}

const START_SECONDS = [0.25, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600];
const LAG_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const HTTP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

// A clock that was set back must not make a figure that the format cannot hold.
const secondsOf = (ms: number): number => (Number.isFinite(ms) && ms > 0 ? ms / 1000 : 0);

/** The server's figures; see docs/operations.md for each. Nothing is shared with another one in the same process. */
export const createMetrics = ({ version, countRuns, disk, process = true }: MetricsOptions): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  if (process) collectDefaultMetrics({ register: registry });

  new Gauge({ name: "ccr_build_info", help: "1; the version is the label.", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  const runs = new Gauge({
    name: "ccr_runs",
    help: "Runs in the store by status and, once they have ended, by reason.",
    labelNames: ["status", "reason"],
    registers,
  });
  const queue = new Gauge({ name: "ccr_queue_depth", help: "Runs that wait to be started.", registers });
  const free = new Gauge({
    name: "ccr_disk_free_bytes",
    help: "Free room on the file system of each place.",
    labelNames: ["place"],
    registers,
  });
  const size = new Gauge({
    name: "ccr_disk_size_bytes",
    help: "Size of the file system of each place.",
    labelNames: ["place"],
    registers,
  });
  const room = new Gauge({
    name: "ccr_disk_has_room",
    help: "1 when there is room for another run, 0 when queued runs wait for it.",
    registers,
  });
  const success = new Gauge({
    name: "ccr_scrape_success",
    help: "Whether this part could be asked when the metrics were read.",
    labelNames: ["part"],
    registers,
  });
  const spools = new Gauge({ name: "ccr_spools_bytes", help: "What the spools of all runs that go on take.", registers });
  const largestSpool = new Gauge({ name: "ccr_spool_largest_bytes", help: "What the largest of them takes.", registers });
  const ended = new Counter({
    name: "ccr_runs_ended_total",
    help: "Runs that this server ended, by status and reason.",
    labelNames: ["status", "reason"],
    registers,
  });
  const startDuration = new Histogram({
    name: "ccr_run_start_duration_seconds",
    help: "From the creation of a run to the agent's start, the time in the queue included.",
    buckets: START_SECONDS,
    registers,
  });
  const relayLag = new Histogram({
    name: "ccr_relay_lag_seconds",
    help: "How long after the executor wrote them down messages were stored; once for each batch.",
    buckets: LAG_SECONDS,
    registers,
  });
  const stored = new Counter({ name: "ccr_messages_stored_total", help: "Messages of agents that were stored.", registers });
  const lost = new Counter({
    name: "ccr_leases_lost_total",
    help: "Runs that this server had to leave to another one, or that ended under it.",
    registers,
  });
  const takenOver = new Counter({
    name: "ccr_runs_taken_over_total",
    help: "Runs that this server took over from one that was gone.",
    registers,
  });
  const resumed = new Counter({
    name: "ccr_runs_resumed_total",
    help: "Runs that went on after something had died: the server, the sandbox, or the agent.",
    labelNames: ["after"],
    registers,
  });
  const requests = new Histogram({
    name: "ccr_http_request_duration_seconds",
    help: "Until the answer began, by the pattern of the route. A stream begins long before it ends.",
    labelNames: ["method", "route", "status"],
    buckets: HTTP_SECONDS,
    registers,
  });

  const spoolBytes = new Map<RunId, number>();

  const readRuns = async (): Promise<void> => {
    const counts = await countRuns();
    runs.reset();
    // What there is none of is 0 and not missing, so that a rule can watch it.
    for (const status of RUN_STATUSES) if (!isFinal(status)) runs.set({ status, reason: "" }, 0);
    for (const { status, reason, count } of counts) runs.set({ status, reason: reason ?? "" }, count);
    queue.set(counts.filter(({ status }) => status === "queued").reduce((sum, { count }) => sum + count, 0));
  };
  const readDisk = async (): Promise<void> => {
    const { places, enough } = await disk();
    for (const { name, freeBytes, totalBytes } of places) {
      free.set({ place: name }, freeBytes);
      size.set({ place: name }, totalBytes);
    }
    room.set(enough ? 1 : 0);
  };
  const read = async (part: string, { act, forget }: { act: () => Promise<void>; forget: () => void }): Promise<void> => {
    try {
      await act();
      success.set({ part }, 1);
    } catch {
      // A figure of earlier would pass for one of now; why it failed is told by readiness and by the log.
      forget();
      success.set({ part }, 0);
    }
  };

  return {
    started: (latencyMs) => startDuration.observe(secondsOf(latencyMs)),
    ended: ({ status, reason }: { status: FinalStatus; reason: RunReason }) => ended.inc({ status, reason }),
    relayed(messages, lagMs) {
      if (messages <= 0) return;
      stored.inc(messages);
      relayLag.observe(secondsOf(lagMs));
    },
    leaseLost: () => lost.inc(),
    takenOver: () => takenOver.inc(),
    resumed: (after) => resumed.inc({ after }),
    spool(runId, bytes) {
      if (bytes === null) spoolBytes.delete(runId);
      else spoolBytes.set(runId, bytes);
    },
    httpRequest({ method, route, status, durationMs }) {
      const known = METHODS.has(method) ? method : "other";
      requests.observe({ method: known, route, status: String(status) }, secondsOf(durationMs));
    },
    async render() {
      await read("store", {
        act: readRuns,
        forget: () => {
          runs.reset();
          queue.remove();
        },
      });
      await read("disk", {
        act: readDisk,
        forget: () => {
          free.reset();
          size.reset();
          room.remove();
        },
      });
      const sizes = [...spoolBytes.values()];
      spools.set(sizes.reduce((sum, bytes) => sum + bytes, 0));
      largestSpool.set(sizes.reduce((most, bytes) => Math.max(most, bytes), 0));
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
};
