/** Certificates made by openssl in a directory of the test: an authority, and servers it signed. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Why no certificate can be made here; null = one can. With `RUNBOOK_TEST_REQUIRE=1` (CI) a missing part is a failure. */
export function missingOpenssl(): string | null {
  if (spawnSync("openssl", ["version"], { stdio: "ignore" }).error === undefined) return null;
  const why = "openssl is not installed (Debian package openssl)";
  if (process.env["RUNBOOK_TEST_REQUIRE"] === "1") throw new Error(why);
  process.stderr.write(`not run: tls: ${why}\n`);
  return why;
}

export function authority(dir: string): Certificate {
  const [key, cert] = [join(dir, "ca.key"), join(dir, "ca.pem")];
  openssl([
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    key,
    "-out",
    cert,
    "-days",
    "3650",
    "-subj",
    "/O=Shop/CN=Shop test authority",
  ]);
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

/** A server certificate for one DNS name, signed by the authority in `dir`; negative `days` have expired already. */
export function serverCertificate(dir: string, name: string, days: number): Certificate {
  const file = (suffix: string) => join(dir, `${name}${days}.${suffix}`);
  writeFileSync(file("ext"), `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`);
  openssl([
    "req",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    file("key"),
    "-out",
    file("csr"),
    "-subj",
    `/CN=${name}`,
  ]);
  openssl([
    "x509",
    "-req",
    "-in",
    file("csr"),
    "-CA",
    join(dir, "ca.pem"),
    "-CAkey",
    join(dir, "ca.key"),
    "-CAcreateserial",
    "-out",
    file("pem"),
    "-days",
    String(days),
    "-extfile",
    file("ext"),
  ]);
  return { key: readFileSync(file("key"), "utf8"), cert: readFileSync(file("pem"), "utf8") };
}

function openssl(args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
