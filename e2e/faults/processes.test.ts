import { expect, it } from "vitest";
import { instanceIn } from "./processes.ts";

const mount = (path: string) => `812 790 254:0 ${path} /spool rw,nosuid - ext4 /dev/vda rw\n`;

it("knows a sandbox by the folder of its server, whose name may be that of another server's folder", () => {
  const mounts = mount("/ccr-7-abc/data/instances/inst_1/spool");
  const find = (...dataDirs: string[]) => instanceIn(mounts, dataDirs);
  expect(find("/tmp/ccr-7-abc/data")).toBe("inst_1");
  expect(find("/tmp/ccr-7-def/data", "/tmp/ccr-7-abc/data")).toBe("inst_1");
  expect(find("/tmp/ccr-7-def/data")).toBeNull();
  expect(find("/tmp/ccr-7-abc")).toBe("inst_1");
  expect(find("/tmp/ccr-7-ab")).toBeNull();
  // On a disk of its own a folder stands first.
  expect(instanceIn(mount("/ccr-7-abc/instances/inst_2/spool"), ["/mnt/ccr-7-abc"])).toBe("inst_2");
});
