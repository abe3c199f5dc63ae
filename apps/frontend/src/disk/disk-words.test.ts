import type { DiskReport } from "@ccr/protocol";
import { expect, test } from "vitest";
import { cleanUpSentence, dueWords, partRows, runsRule, sizeOf } from "./disk-words.ts";

const NOTHING = { count: 0, bytes: 0, items: [] };
const report: DiskReport = {
  at: "2026-11-26T00:00:00.000Z",
  places: [],
  minFreeBytes: 0,
  lack: null,
  database: { bytes: 0 },
  mirrors: NOTHING,
  work: NOTHING,
  workspaces: NOTHING,
  audit: NOTHING,
  setups: NOTHING,
  images: null,
  rules: { runsDays: null, workDays: 1, mirrorsDays: 30, setupsDays: 14, setupsMb: null, images: 2 },
  next: { at: null, due: { runs: 0, work: 0, mirrors: 0, setups: 0, images: 0 } },
};

test("says how long each kind is kept, and leaves images out where there are none", () => {
  const rules = (of: DiskReport) => Object.fromEntries(partRows(of).map(({ key, rule }) => [key, rule]));
  expect(rules(report)).toEqual({
    work: "until 1 day after the run's end",
    workspaces: "as long as their runs go on",
    mirrors: "until unused for 30 days",
    setups: "until unused for 14 days",
    audit: "kept for ever",
  });
  expect(rules({ ...report, images: NOTHING })).toMatchObject({ images: "the newest 2 are kept" });
  expect(
    rules({
      ...report,
      images: NOTHING,
      rules: { runsDays: 7, workDays: null, mirrorsDays: null, setupsDays: null, setupsMb: 1024, images: null },
    }),
  ).toEqual({
    work: "kept for ever",
    workspaces: "as long as their runs go on",
    mirrors: "kept for ever",
    setups: "kept, at most 1.0 GB",
    audit: "until 7 days after the run's end",
    images: "all are kept",
  });
  expect(runsRule(report.rules)).toBe("Runs and their transcripts are kept for ever.");
  expect(runsRule({ ...report.rules, runsDays: 90 })).toBe("Runs and their transcripts are removed 90 days after their end.");
});

test("says what retention removes next, or that it is nothing", () => {
  expect(dueWords(report.next)).toBeNull();
  expect(dueWords({ at: null, due: { runs: 1, work: 2, mirrors: 0, setups: 1, images: 3 } })).toBe(
    "1 run, the work of 2 runs, 1 set-up, 3 images",
  );
});

test("says what a clean-up removed, and of sizes only what is known", () => {
  expect(cleanUpSentence({ removed: [{ kind: "runs", count: 0, bytes: 0 }] })).toBe("There was nothing to remove.");
  expect(
    cleanUpSentence({
      removed: [
        { kind: "work", count: 2, bytes: 3 * 1024 * 1024 },
        { kind: "mirrors", count: 1, bytes: null },
      ],
    }),
  ).toBe("Removed the work of 2 runs, 1 mirror, which freed 3.0 MB.");
  expect(cleanUpSentence({ removed: [{ kind: "mirrors", count: 1, bytes: null }] })).toBe("Removed 1 mirror.");
  expect(sizeOf(null)).toBe("not measured");
});
