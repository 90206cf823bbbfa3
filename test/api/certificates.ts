// Certificates for one test, made by the openssl command.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./harness.ts";

export interface Certificates {
  file(name: string): string;
  read(name: string): Buffer;
}

/** `ca`, `other-ca`, and `server` and `client` signed by the first, `stranger` by the second: each .crt and .key. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder();
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const key = (name: string) => [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
    file(`${name}.key`),
  ];
  const authority = (name: string) =>
    openssl("req", "-x509", ...key(name), "-out", file(`${name}.crt`), "-days", "2", "-subj", `/CN=${name}`);
  const signed = (name: string, by: string) => {
    openssl("req", "-new", ...key(name), "-out", file(`${name}.csr`), "-subj", `/CN=${name}`);
    writeFileSync(file(`${name}.ext`), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    openssl(
      ...["x509", "-req", "-in", file(`${name}.csr`), "-CA", file(`${by}.crt`), "-CAkey", file(`${by}.key`)],
      ...["-CAcreateserial", "-days", "2", "-extfile", file(`${name}.ext`), "-out", file(`${name}.crt`)],
    );
  };
  authority("ca");
  authority("other-ca");
  signed("server", "ca");
  signed("client", "ca");
  signed("stranger", "other-ca");
  return { file, read: (name) => readFileSync(file(name)) };
}
