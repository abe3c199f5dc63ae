import type { Delivered } from "@ccr/protocol";

/** A result that was delivered, for tests that are about something else of it. */
export const delivered = (change: Partial<Delivered> = {}): Delivered => ({
  state: "delivered",
  branch: "work/one",
  commit: "a".repeat(40),
  isPushed: true,
  isFollowed: false,
  base: "main",
  pullRequest: { number: 7, url: "https://host.test/7" },
  notes: ["One reviewer is not known."],
  problem: null,
  tries: 1,
  at: "2026-01-01T00:00:00.000Z",
  ...change,
});
