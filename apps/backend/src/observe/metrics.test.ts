import { RunId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { createMetrics, type MetricsOptions } from "./metrics.ts";

const quiet = (options: Partial<MetricsOptions> = {}) =>
  createMetrics({
    version: "1.2.3",
    countRuns: async () => [],
    disk: async () => ({ places: [{ name: "data", freeBytes: 5, totalBytes: 10 }], enough: true }),
    process: false,
    ...options,
  });

/** The samples of a reading, `name{labels}` to value. */
const samples = async (metrics: Pick<ReturnType<typeof createMetrics>, "render">): Promise<Record<string, number>> => {
  const { body } = await metrics.render();
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
};

test("counts the runs of the store anew at each reading, with zeros for what there is none of", async () => {
  let counts: Awaited<ReturnType<MetricsOptions["countRuns"]>> = [
    { status: "queued", reason: null, count: 3 },
    { status: "failed", reason: "check_failed", count: 2 },
  ];
  const metrics = quiet({ countRuns: async () => counts });
  expect(await samples(metrics)).toMatchObject({
    ccr_queue_depth: 3,
    'ccr_runs{status="queued",reason=""}': 3,
    'ccr_runs{status="running",reason=""}': 0,
    'ccr_runs{status="failed",reason="check_failed"}': 2,
    'ccr_build_info{version="1.2.3"}': 1,
  });
  counts = [{ status: "running", reason: null, count: 1 }];
  const next = await samples(metrics);
  expect(next).toMatchObject({ ccr_queue_depth: 0, 'ccr_runs{status="queued",reason=""}': 0 });
  expect(next).not.toHaveProperty('ccr_runs{status="failed",reason="check_failed"}');
});

test("leaves out what cannot be asked, and says so, and gives all the rest", async () => {
  let broken = false;
  const mayFail = (): void => {
    if (broken) throw new Error("database is locked");
  };
  const metrics = quiet({
    countRuns: async () => {
      mayFail();
      return [{ status: "queued", reason: null, count: 1 }];
    },
    disk: async () => {
      mayFail();
      return { places: [{ name: "data", freeBytes: 5, totalBytes: 10 }], enough: false };
    },
  });
  expect(await samples(metrics)).toMatchObject({
    'ccr_scrape_success{part="store"}': 1,
    'ccr_disk_free_bytes{place="data"}': 5,
    ccr_disk_has_room: 0,
  });
  broken = true;
  metrics.leaseLost();
  const now = await samples(metrics);
  expect(now).toMatchObject({
    'ccr_scrape_success{part="store"}': 0,
    'ccr_scrape_success{part="disk"}': 0,
    ccr_leases_lost_total: 1,
  });
  expect(Object.keys(now).filter((name) => /^ccr_(runs\{|queue|disk)/.test(name))).toEqual([]);
  broken = false;
  expect(await samples(metrics)).toMatchObject({ ccr_queue_depth: 1, 'ccr_disk_size_bytes{place="data"}': 10 });
});

test("tells what the run engine did", async () => {
  const metrics = quiet();
  metrics.started(1500);
  metrics.ended({ status: "errored", reason: "server_lost" });
  metrics.relayed(40, 20);
  metrics.relayed(2, 400);
  metrics.relayed(0, 9_000);
  metrics.takenOver();
  metrics.resumed("agent");
  metrics.resumed("agent");
  expect(await samples(metrics)).toMatchObject({
    'ccr_run_start_duration_seconds_bucket{le="1"}': 0,
    'ccr_run_start_duration_seconds_bucket{le="2"}': 1,
    ccr_run_start_duration_seconds_sum: 1.5,
    'ccr_runs_ended_total{status="errored",reason="server_lost"}': 1,
    ccr_messages_stored_total: 42,
    ccr_relay_lag_seconds_count: 2,
    ccr_runs_taken_over_total: 1,
    'ccr_runs_resumed_total{after="agent"}': 2,
  });
});

test("sums the spools of the runs that go on, and knows the largest", async () => {
  const metrics = quiet();
  const [one, two] = ["run_0000000001", "run_0000000002"].map((id) => RunId.parse(id));
  if (one === undefined || two === undefined) throw new Error("unreachable");
  metrics.spool(one, 100);
  metrics.spool(two, 30);
  metrics.spool(two, 50);
  expect(await samples(metrics)).toMatchObject({ ccr_spools_bytes: 150, ccr_spool_largest_bytes: 100 });
  metrics.spool(one, null);
  metrics.spool(one, null);
  expect(await samples(metrics)).toMatchObject({ ccr_spools_bytes: 50, ccr_spool_largest_bytes: 50 });
});

test("takes figures that a clock which was set back made", async () => {
  const metrics = quiet();
  for (const latencyMs of [-5000, Number.NaN, Number.POSITIVE_INFINITY]) {
    metrics.started(latencyMs);
    metrics.relayed(1, latencyMs);
  }
  expect(await samples(metrics)).toMatchObject({ ccr_run_start_duration_seconds_count: 3, ccr_relay_lag_seconds_sum: 0 });
});

test("keeps methods that nobody knows together", async () => {
  const metrics = quiet();
  for (const method of ["GET", "BREW", "PROPFIND"]) metrics.httpRequest({ method, route: "/x", status: 404, durationMs: 2 });
  expect(await samples(metrics)).toMatchObject({
    'ccr_http_request_duration_seconds_count{method="GET",route="/x",status="404"}': 1,
    'ccr_http_request_duration_seconds_count{method="other",route="/x",status="404"}': 2,
  });
});

test("gives figures of the process, in Prometheus' own format, and shares nothing with another one", async () => {
  const first = quiet({ process: true });
  quiet({ process: true }).leaseLost();
  const { contentType, body } = await first.render();
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(body).toMatch(/^ccr_leases_lost_total 0$/m);
});
