import { type Environment, hostsNamed } from "@ccr/protocol";
import { plural } from "../ui/format.ts";

/** What an environment has, in a line. Pure. */
export const describeEnvironment = ({ image, setup, variables, secretNames, network, allowedHosts }: Environment): string => {
  const count = Object.keys(variables).length;
  const hosts = hostsNamed(allowedHosts);
  const reached = [network === "packages" ? "hosts of packages" : null, hosts === 0 ? null : plural(hosts, "host")];
  const reach = reached.filter((part) => part !== null).join(" and ");
  const parts = [
    image.kind === "named" ? image.name : image.kind === "devcontainer" ? "the repository’s devcontainer.json" : null,
    setup === null
      ? image.kind === "devcontainer"
        ? null
        : "no set-up"
      : setup.network === "none" && setup.allowedHosts.length === 0
        ? "set-up without a network"
        : "set-up",
    reach === "" ? null : `Claude Code may reach ${reach}`,
    count === 0 ? null : plural(count, "variable"),
    secretNames.length === 0 ? null : plural(secretNames.length, "secret"),
  ];
  return parts.filter((part) => part !== null).join(" · ");
};
