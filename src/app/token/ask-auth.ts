/**
 * What the command `token` asks: a running node of this machine, or one somewhere else; where none runs, the files themselves.
 * Whoever can read the key file could sign any token by hand, so the files ask for no other proof. A node that starts later, or
 * runs and could not be asked, takes over what was changed.
 */
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { ApiTokens, OFFLINE_ISSUER } from "../../edge/token/index.ts";
import { type Caller, createClient, Dispatcher, type Transport } from "../../wire/rpc/index.ts";
import { type AskChoices, type Asked, askNode } from "../node/ask-node.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { loadSecrets } from "../secrets/load-secrets.ts";
import { stateDirectory } from "../self.ts";
import { asAdmin } from "./as-admin.ts";
import { type AuthClient, authContract } from "./auth-contract.ts";
import { authService, NOBODY_TOLD } from "./auth-service.ts";
import { audienceOf } from "./cluster-audience.ts";
import { secretFrom } from "./jwt-secret.ts";
import { ownKeyRing, rotateKeyFile } from "./key-file.ts";
import { tokenPlaces } from "./places.ts";
import { TokenLedger } from "./token-ledger.ts";

export type { GrantedToken, IssuedInfo } from "./auth-contract.ts";

/** Whoever has the key file may sign whatever he likes. */
const FILE_OWNER: Caller = { name: "the owner of the key file", access: "node" };
/** It has no loopback to be safe on: the files are asked for as a node on this machine has them. */
const LOOPBACK = { host: "127.0.0.1" } as const;

/** No node runs here, or one that knows nothing of tokens: then the files are asked. */
const NO_NODE = new Set(["cluster.no_node", "rpc.unknown_contract"]);

export async function askAuth<T>(choices: AskChoices, question: (client: AuthClient) => Promise<T>): Promise<Asked<T>> {
  const { timeoutMs } = choices;
  const ask = (transport: Transport): Promise<T> =>
    question(createClient(authContract, transport, { clock: systemClock, timeoutMs }));
  try {
    return await askNode(asAdmin(choices), ask);
  } catch (thrown) {
    if (choices.node !== undefined || !(thrown instanceof Failure) || !NO_NODE.has(thrown.code)) throw thrown;
    return askFiles(choices, ask);
  }
}

/** Also for what no running node gives: tokens of the role node. */
export async function askAuthFiles<T>(
  choices: AskChoices,
  question: (client: AuthClient) => Promise<T>,
): Promise<Asked<T>> {
  const { timeoutMs } = choices;
  return askFiles(choices, (transport) =>
    question(createClient(authContract, transport, { clock: systemClock, timeoutMs })),
  );
}

async function askFiles<T>(choices: AskChoices, ask: (transport: Transport) => Promise<T>): Promise<Asked<T>> {
  const place = openFiles(choices);
  return { by: place.keysPath, answer: await ask(place.transport) };
}

/** The contract `auth` without a node. */
export function openFiles({ dataDir, secrets: dir }: Pick<AskChoices, "dataDir" | "secrets">) {
  const { keyFile, keyring } = loadSecrets({ dir, dataDir, address: LOOPBACK, role: "client" });
  const places = tokenPlaces(keyFile, stateDirectory(dataDir));
  const ledger = new TokenLedger(places.tokens);
  const secret = secretFrom(process.env);
  const tokens = new ApiTokens({
    issuer: OFFLINE_ISSUER,
    audiences: keyring.keys.map(audienceOf),
    keys: ownKeyRing(places.keys, systemClock),
    ...(secret && { secret }),
    clock: systemClock,
    entropy: systemEntropy,
    askKeys: async () => undefined,
  });
  tokens.revoke(ledger.state.revoked);
  const service = authService({
    ...{ clock: systemClock, isTls: false, ledger, node: OFFLINE_ISSUER, tokens },
    audience: () => audienceOf(keyring.first),
    rotate: (forget) =>
      rotateKeyFile(places.keys, systemClock, {
        forget,
        lastExpiry: (keyId) => ledger.refresh().lastExpiry[keyId] ?? 0,
      }),
    tell: async () => NOBODY_TOLD,
  });
  const dispatcher = new Dispatcher([service], { clock: systemClock });
  const transport: Transport = ({ signal, ...call }) =>
    dispatcher.call({ ...call, caller: FILE_OWNER, ...(signal && { signal }) });
  return { keysPath: places.keys, tokens, transport };
}
