import { checkoutsOf, type Run } from "@ccr/protocol";

type KeptFile = { key: string; label: string; title: string; href: string };

/** What the server keeps of a run's work beyond its sandbox, as files to take away; of several repositories a bundle each. Pure. */
export const keptFiles = (run: Pick<Run, "id"> & Parameters<typeof checkoutsOf>[0]): KeptFile[] => [
  { key: "patch", label: "patch", title: "All changes, for git apply", href: `/runs/${run.id}/work.patch` },
  ...checkoutsOf(run).map(({ repository, directory }) =>
    directory === null
      ? {
          key: repository,
          label: "git bundle",
          title: "Every commit and file, for git fetch work.bundle",
          href: `/runs/${run.id}/work.bundle`,
        }
      : {
          key: directory,
          label: `git bundle of ${directory}`,
          title: `Every commit and file of ${repository}, for git fetch`,
          href: `/runs/${run.id}/work.bundle?directory=${encodeURIComponent(directory)}`,
        },
  ),
  {
    key: "conversation",
    label: "conversation",
    title: "Claude Code's own file of the conversation",
    href: `/runs/${run.id}/conversation.jsonl`,
  },
];
