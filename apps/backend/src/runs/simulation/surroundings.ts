import { EXECUTOR_DOOR_LOST_EXIT_CODE, InstanceId, type RunId } from "@ccr/protocol";
import { z } from "zod";
import type { KeptOf } from "../../git/work-places.ts";
import type { KeptWork, Mirrors } from "../deps.ts";
import type { Places } from "../places.ts";
import { BASE_COMMIT } from "./disk.ts";
import { type Host, makeDisk } from "./engine.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

const Units = z.array(z.string());

// An executor looks at its door twice a second.
const DOOR_MISSED_AFTER_MS = 500;

/** The folders of a server's sandboxes, on its machine. */
export const placesOf = (world: World, { process, server, machine }: Host): Places => {
  const base = `/${machine}/${server}`;
  const diskAt = (root: string) => {
    const disk = world.disks.get(root);
    return disk?.exists === true ? disk : null;
  };
  return {
    of: (id) => ({ machine, root: `${base}/instances/${id}`, doors: `${base}/doors/${id}` }),
    make: (place) =>
      process.call("places.make", () => {
        const id = InstanceId.parse(place.root.split("/").at(-1));
        makeDisk(world, id, place.root);
      }),
    has: (place) => process.call("places.has", () => diskAt(place.root)?.hasWorkspace === true),
    remove: (place) =>
      process.call("places.remove", () => {
        const disk = diskAt(place.root);
        if (disk === null) return;
        const { instanceId } = disk;
        if (world.ledger.isSomebodyElses(process, instanceId))
          world.violate(`${process.name} removes the folders of ${instanceId}, which another server drives`);
        const living = [...world.sandboxes.values()].find((sandbox) => sandbox.disk === disk && sandbox.isUp);
        // Nobody but its maker knows of a stray.
        if (living?.isStray === false) world.violate(`${process.name} removes the folders under the living ${instanceId}`);
        const status = world.ledger.runOf(instanceId)?.status;
        if (status === "running" && world.ledger.isCurrent(instanceId))
          world.violate(`${process.name} removes the folders of ${instanceId}, whose run is running`);
        world.log(`${process.name} removes the folders of ${instanceId}`);
        disk.exists = false;
        world.sockets.delete(disk.gatewaySocket);
      }),
    list: () =>
      process.call("places.list", () =>
        [...world.disks.values()]
          .filter(({ exists, root }) => exists && root.startsWith(`${base}/`))
          .map(({ instanceId }) => instanceId),
      ),
    leftSpool: (place, after) =>
      process.stream(
        "places.leftSpool",
        (inlet) => {
          for (const event of (diskAt(place.root)?.spool ?? []).slice(after)) inlet.push(event);
          inlet.end();
          return () => {};
        },
        {},
      ),
    keepWorkspace: (place, runId) =>
      process.call("places.keepWorkspace", () => {
        const disk = diskAt(place.root);
        if (disk?.isAside === true) return `${base}/kept/${runId}/workspace`;
        if (disk?.hasWorkspace !== true) return null;
        world.log(`${process.name} puts the workspace of ${runId} aside`);
        disk.hasWorkspace = false;
        disk.isAside = true;
        return `${base}/kept/${runId}/workspace`;
      }),
    closeDoor: (place) =>
      process.call("places.closeDoor", () => {
        const disk = diskAt(place.root);
        // Whoever is still there finds within a second that its door leads to it no more.
        for (const sandbox of world.sandboxes.values()) {
          if (sandbox.disk !== disk || !sandbox.isUp) continue;
          world.time.after(DOOR_MISSED_AFTER_MS, () => {
            if (sandbox.isUp) sandbox.end({ exitCode: EXECUTOR_DOOR_LOST_EXIT_CODE });
          });
        }
      }),
    findKept: (place, runId) =>
      process.call("places.findKept", () => (diskAt(place.root)?.isAside === true ? `${base}/kept/${runId}/workspace` : null)),
  };
};

/** By which the work in a repository is found that a server keeps. */
export const keptKey = (server: string, { runId, directory }: KeptOf): string => `${server} ${runId} ${directory}`;

/** What a server keeps of the work of its runs, in its own folder. */
export const workOf = (world: World, { process, server }: Host): KeptWork => {
  const key = (of: KeptOf): string => keptKey(server, of);
  const conversationKey = (id: RunId): string => `${server} ${id}`;
  return {
    keep: async (checkout, { snapshot, bundle }, signal) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bundle) chunks.push(chunk);
      await process.call(
        "work.keep",
        () => {
          const units = Units.parse(JSON.parse(Buffer.concat(chunks).toString()));
          world.kept.set(key(checkout), { snapshot, units, at: world.at() });
        },
        { signal, wayMs: 500 },
      );
    },
    find: (of) => process.call("work.find", () => world.kept.get(key(of)) ?? null),
    changes: (of) =>
      process.call("work.changes", () => {
        const kept = world.kept.get(key(of));
        if (kept === undefined) return null;
        const { snapshotCommit } = kept.snapshot;
        const files = kept.units.map((path) => ({ path, oldPath: null, status: "added" as const, additions: 1, deletions: 0 }));
        const diff = {
          baseCommit: BASE_COMMIT,
          headCommit: snapshotCommit,
          files,
          patch: kept.units.join("\n"),
          truncated: false,
        };
        return { diff, uncommitted: [], snapshotCommit };
      }),
    give: (of, commit, folder) =>
      process.call("work.give", () => {
        const kept = world.kept.get(key(of));
        const disk = world.disks.get(folder.replace(/\/given(\/[a-z]+)?$/, ""));
        if (kept?.snapshot.snapshotCommit !== commit || disk?.exists !== true) return null;
        disk.given.set(of.directory, { commit, units: kept.units });
        return { bundle: "work.bundle", mirrorPath: "/mirror", origin: "octo/one" };
      }),
    conversationBytes: (runId) =>
      process.call("work.conversationBytes", () => world.conversations.get(conversationKey(runId)) ?? 0),
    keepConversation: async (runId, { after, chunks }, signal) => {
      let bytes = 0;
      for await (const chunk of chunks) bytes += chunk.length;
      await process.call(
        "work.keepConversation",
        () => {
          const kept = world.conversations.get(conversationKey(runId)) ?? 0;
          if (kept !== after) world.violate(`the conversation of ${runId} is kept up to ${kept}, and goes on at ${after}`);
          world.conversations.set(conversationKey(runId), after + bytes);
        },
        { signal },
      );
    },
    giveConversation: () => process.call("work.giveConversation", () => null),
    keepOutput: async (runId, { name, chunks }, signal) => {
      let bytes = 0;
      for await (const chunk of chunks) bytes += chunk.length;
      const keep = () => world.log(`${process.name} keeps ${bytes} bytes of output of ${runId} as ${name}`);
      await process.call("work.keepOutput", keep, { signal });
    },
  };
};

/** The repositories, all of which can be fetched. */
export const mirrorsOf = (world: World, { process }: { process: Process }): Mirrors => ({
  ensure: (address, { signal, report }) => {
    report("fetching");
    return process.call(
      "mirrors.ensure",
      async () => {
        await world.time.sleep(world.random.between(1, 3000));
        return { mirrorPath: "/mirror", commit: BASE_COMMIT, ref: { name: "main" }, cloneUrl: address.display };
      },
      { signal },
    );
  },
});
