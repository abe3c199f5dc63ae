/** What can be wrong, the gravest first, each with what it means. */
export const KINDS = {
  message_lost: "an event that was in a spool is not in the store",
  tool_result_lost: "the model was given a tool result that is not in the store",
  work_lost: "work that was done is not in the result",
  wrong_outcome: "the run ended otherwise than it had to",
  never_ended: "the run did not end",
  message_doubled: "an event is in the store more often than in the spool",
  message_disordered: "events are stored in another order than they were spooled in",
  message_unwitnessed: "an agent's message is in the store and was in no spool",
  numbering: "the numbers of the stored messages are not 1, 2, 3 and so on",
  status_wrong: "not exactly one final status message, the last one, equal to the run's own",
  runner_doubled: "the runner tells of one thing twice",
  subscriber_differs: "a live subscriber saw something else than what is stored",
  spool_damaged: "a spool lost whole events, or holds what is no event",
  work_doubled: "something was done more often than the faults explain",
  stuck: "no progress for longer than a lease while a server was there",
  crashed: "a part ended that nobody had killed",
  left_behind: "something is left when everything has ended",
} as const;
export type Kind = keyof typeof KINDS;

export type Finding = { kind: Kind; run: string | null; text: string };

const gravity = Object.keys(KINDS);

/** The gravest first. */
export const byGravity = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((a, b) => gravity.indexOf(a.kind) - gravity.indexOf(b.kind));

/** One line for each kind that was found, with how often and in how many runs, and up to `examples` of it. */
export const describeFindings = (findings: readonly Finding[], examples = 3): string[] => {
  const groups = Object.entries(Object.groupBy(byGravity(findings), ({ kind }) => kind));
  return groups.flatMap(([kind, group = []]) => {
    const runs = new Set(group.map(({ run }) => run)).size;
    const meaning = Object.entries(KINDS).find(([name]) => name === kind)?.[1] ?? "";
    return [
      `${kind}: ${group.length} in ${runs} ${runs === 1 ? "run" : "runs"} (${meaning})`,
      ...group.slice(0, examples).map(({ run, text }) => `    ${run ?? "all"}: ${text}`),
    ];
  });
};
