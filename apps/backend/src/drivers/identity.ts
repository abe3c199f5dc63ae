/** Whom the processes of a sandbox run as. */
export type Identity = { uid: number; gid: number };

/** The user inside has one name and home, whatever its number. */
export const SANDBOX_USER = "agent";
export const SANDBOX_HOME = "/home/agent";

// A server that is root must not lend that to a sandbox; 1000 is also the plain user of the executor image.
const PLAIN: Identity = { uid: 1000, gid: 1000 };

/** A plain user: the server's own, or number 1000 when the server is root. */
export const sandboxIdentity = (server: Identity): Identity => (server.uid === 0 ? PLAIN : server);

/** The user and group that this process has (Linux and macOS). */
export const serverIdentity = (): Identity => ({ uid: process.getuid?.() ?? PLAIN.uid, gid: process.getgid?.() ?? PLAIN.gid });

/** `/etc/passwd` and `/etc/group` of a sandbox: they give the user a name, whatever its number. */
export const accountFiles = ({ uid, gid }: Identity): { passwd: string; group: string } => ({
  passwd: `root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n${SANDBOX_USER}:x:${uid}:${gid}:${SANDBOX_USER}:${SANDBOX_HOME}:/bin/bash\n`,
  group: gid === 0 ? `${SANDBOX_USER}:x:0:\n` : `root:x:0:\n${SANDBOX_USER}:x:${gid}:\n`,
});
