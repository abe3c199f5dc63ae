import type { gatewayClient } from "@ccr/gateway";
import type { SandboxDriver } from "../drivers/types.ts";
import { createReadiness } from "../observe/readiness.ts";
import type { Report } from "../report.ts";
import type { Store } from "../store/types.ts";
import type { DiskGuard } from "../upkeep/disk-guard.ts";

/** Says of each part on which runs depend whether it can be used now, and if not, why. */
export const openReadiness = (parts: {
  store: Pick<Store, "upkeep">;
  driver: Pick<SandboxDriver, "probe">;
  gateway: Pick<ReturnType<typeof gatewayClient>, "health">;
  guard: Pick<DiskGuard, "roomForRun">;
  log: Report["log"];
}) => {
  const { store, driver, gateway, guard, log } = parts;
  return createReadiness({
    log,
    checks: {
      store: async () => {
        await store.upkeep.check();
        return null;
      },
      sandbox: async (signal) => {
        const probe = await driver.probe(signal);
        return probe.usable ? null : probe.why;
      },
      gateway: async (signal) => {
        await gateway.health(signal);
        return null;
      },
      disk: async () => {
        const room = await guard.roomForRun();
        return room.enough ? null : room.why;
      },
    },
  });
};
