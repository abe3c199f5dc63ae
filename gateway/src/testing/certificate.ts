import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { TemporaryFolder } from "@ccr/testkit";

/** A self-signed certificate for these names, made by the openssl command. */
export const makeCertificate = async (folder: TemporaryFolder, names: string[]): Promise<{ key: string; cert: string }> => {
  const [keyPath, certPath] = [folder.join("key.pem"), folder.join("cert.pem")];
  const subject = ["-subj", `/CN=${names[0]}`, "-addext", `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await promisify(execFile)("openssl", ["req", ...kind, "-keyout", keyPath, "-out", certPath, ...subject]);
  return { key: await readFile(keyPath, "utf8"), cert: await readFile(certPath, "utf8") };
};
