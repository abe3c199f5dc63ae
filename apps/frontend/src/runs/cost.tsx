import type { RunUsage } from "@ccr/protocol";
import { useServerInfo } from "../api/server-info.ts";
import { formatCost } from "../ui/format.ts";

/** What a run has cost, in few words: a dash until Claude Code has told it, and no figure when the model is a scripted one. */
export const describeCost = (usage: RunUsage, demo: boolean): string => {
  if (usage.costUsd <= 0 && usage.turns === 0) return "–";
  return demo ? "simulated" : formatCost(usage.costUsd);
};

export const Cost = ({ usage }: { usage: RunUsage }) => {
  const info = useServerInfo();
  return info === undefined ? "–" : describeCost(usage, info.demo);
};
