import { SandboxSpec } from "@ccr/protocol";
import { BubblewrapDriver } from "../bubblewrap/driver.ts";
import { DockerDriver } from "../docker/driver.ts";
import { DriverElsewhere, never } from "./sandbox.ts";

/*
 * A program, not a suite: a server that makes one sandbox, prints its handle and then only lives, deaf to what a terminal says, until it
 * is killed. Its arguments are how the driver is made and the spec, both as JSON.
 */

for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});
const how = DriverElsewhere.parse(JSON.parse(process.argv[2] ?? ""));
const spec = SandboxSpec.parse(JSON.parse(process.argv[3] ?? ""));
const driver = how.driver === "docker" ? new DockerDriver(how.options) : new BubblewrapDriver(how.options);
console.log(JSON.stringify(await driver.create(spec, never())));
setInterval(() => {}, 60_000);
