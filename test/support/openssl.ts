/** Certificates for tests, made by openssl in a directory of the test's. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class Certificates {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `NAME.crt` and `NAME.key`, which sign themselves. */
  authority(name: string): void {
    this.#openssl("req", "-x509", ...this.#key(name), "-out", `${name}.crt`, "-days", "2");
  }

  /** The same, signed; `names` as openssl has them: `DNS:a.example,IP:127.0.0.1`. */
  issue(name: string, signer: string, names: string): void {
    writeFileSync(this.path(`${name}.ext`), `subjectAltName=${names}\n`);
    this.#openssl("req", ...this.#key(name), "-out", `${name}.csr`);
    const signed = ["-CA", `${signer}.crt`, "-CAkey", `${signer}.key`, "-CAcreateserial", "-days", "2"];
    this.#openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-out", `${name}.crt`, "-extfile", `${name}.ext`);
  }

  path(file: string): string {
    return join(this.#folder, file);
  }

  read(file: string): string {
    return readFileSync(this.path(file), "utf8");
  }

  #key(name: string): string[] {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
    return [...key, "-subj", `/CN=${name}`];
  }

  #openssl(...words: readonly string[]): void {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { cwd: this.#folder });
    if (exitCode !== 0) throw new Error(stderr.toString());
  }
}
