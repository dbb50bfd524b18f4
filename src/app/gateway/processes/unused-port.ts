/**
 * Several processes may listen on one port, and so might another gateway that was started by mistake: half of the clients would get
 * there. So the port is tried once for this gateway alone before it is shared.
 */
import { listenFailure } from "../../../edge/gateway/listener/index.ts";

/** Fails with `gateway.listen_failed`. */
export function requireUnused({ host, port }: { readonly host: string; readonly port: number }): void {
  if (port === 0) return;
  try {
    Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
  } catch (thrown) {
    throw listenFailure(host, port, thrown);
  }
}
