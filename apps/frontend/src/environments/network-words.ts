import type { NetworkPreset, Run } from "@ccr/protocol";

export const NETWORK_WORDS: Record<NetworkPreset, string> = { none: "Nothing", packages: "Hosts of packages" };

/** What a preset means for Claude Code; the empty one is that of its environment. */
export const NETWORK_HINTS: Record<NetworkPreset | "", string> = {
  "": "Claude Code and its checks, beside the model.",
  none: "Nothing but the model, what this server lets every run reach, and the hosts that its environment names.",
  packages: "Also the hosts from which this server’s machine installs packages.",
};

const SAID_BY: Record<NonNullable<Run["networkBy"]>, string> = {
  launch: ", as its launch says",
  task: ", as its task says",
  environment: ", as its environment says",
};

/** By which preset a run reaches what it does, and who said so. Pure. */
export const describeNetwork = ({ network, networkBy }: Pick<Run, "network" | "networkBy">): string =>
  `Network preset: ${NETWORK_WORDS[network].toLowerCase()}${networkBy === null ? "" : SAID_BY[networkBy]}`;
