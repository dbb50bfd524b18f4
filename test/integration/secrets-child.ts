/** A child of secrets-processes.test.ts: loads or makes secrets the moment it is told to, and says what it has got. */
import { loadSecrets } from "../../src/app/secrets/load-secrets.ts";
import { makeSecrets } from "../../src/app/secrets/make-secrets.ts";
import { systemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";

const [order, place, name] = process.argv.slice(2) as [order: string, place: string, name: string];

async function act(): Promise<string> {
  if (order === "load") {
    const { keyring } = loadSecrets({ dataDir: place, address: { host: "127.0.0.1" }, role: "node" });
    return keyring.first.id;
  }
  const { keyId } = await makeSecrets(place, [{ name, hosts: [] }], systemClock);
  return keyId;
}

console.log("ready");
for await (const _ of console) {
  console.log(await act().catch((thrown) => `failed: ${messageOf(thrown)}`));
  break;
}
