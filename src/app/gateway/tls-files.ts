/** Certificate and key of the gateway, and whose certificates it believes: read again with the file, used for connections from then on. */
import { systemClock } from "../../base/clock.ts";
import type { TlsMaterial } from "../../edge/gateway/listener/index.ts";
import type { TlsMaterial as UpstreamMaterial } from "../../edge/gateway/upstream/index.ts";
import type { GatewaySettings, RoutePlan } from "../../edge/gateway/words/index.ts";
import type { CertificateTime } from "./certificate-times.ts";
import { type PemPorts, readAuthorities, readIdentity } from "./pem-files.ts";

type Settings = Pick<GatewaySettings, "tlsCertificate" | "tlsKey" | "clientCa" | "clientCertificate">;
/** Told what is no fault and still worth knowing. */
type Note = (text: string) => void;

export class TlsFiles {
  #material: TlsMaterial | undefined;
  #times: readonly CertificateTime[];

  /** Fails with `gateway.tls` where a file cannot be read or used. */
  constructor(settings: Settings, note: Note) {
    const { clientCa, clientCertificate, tlsCertificate, tlsKey } = settings;
    const times: CertificateTime[] = [];
    this.#times = times;
    if (tlsCertificate === undefined || tlsKey === undefined) return;
    const ports = pemPorts(note, times);
    this.#material = {
      ...readIdentity({ name: "tls_certificate", path: tlsCertificate }, { name: "tls_key", path: tlsKey }, ports),
      ...(clientCa !== undefined && { clientCa: readAuthorities({ name: "client_ca", path: clientCa }, ports) }),
      clientCertificate,
    };
  }

  get isOn(): boolean {
    return this.#material !== undefined;
  }

  get material(): TlsMaterial {
    return this.#material!; // asked only where it is on
  }

  /** Of each file the certificate that ends first. */
  get times(): readonly CertificateTime[] {
    return this.#times;
  }

  /** From now on this is used. */
  take(other: TlsFiles): void {
    this.#material = other.#material;
    this.#times = other.#times;
  }
}

/** `times` gets those of the files that are read. */
function pemPorts(note: Note, times: CertificateTime[]): PemPorts {
  return { nowMs: systemClock.now(), note, time: (time) => void times.push(time) };
}

/**
 * What a route shows its upstreams, and believes of them; `times` gets when that ends. Fails with `gateway.tls` where a file cannot be read or
 * used.
 */
export function upstreamMaterial({ options }: RoutePlan, note: Note, times: CertificateTime[] = []): UpstreamMaterial {
  const { upstreamCa, upstreamCertificate, upstreamKey } = options;
  const ports = pemPorts(note, times);
  return {
    ...(upstreamCa !== undefined && { ca: readAuthorities({ name: "upstream_ca", path: upstreamCa }, ports) }),
    ...(upstreamCertificate !== undefined &&
      upstreamKey !== undefined && // the file names both or none
      readIdentity(
        { name: "upstream_cert", path: upstreamCertificate },
        { name: "upstream_key", path: upstreamKey },
        ports,
      )),
  };
}
