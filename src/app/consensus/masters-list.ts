/** `--masters`: who the first voters of the groups are, as it is typed. Pure. */
import { ADDRESS_FORM, type Address, formatAddress, parseAddress } from "../../base/address.ts";
import { Failure } from "../../base/errors.ts";

/** Each one more costs every write a disk more; beyond seven nobody gains by it. */
const MASTERS_MAX = 7;
const ID = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

export interface NamedMaster {
  /** Undefined: whoever answers there. */
  readonly id: string | undefined;
  readonly address: Address;
}

/** `HOST:PORT` or `ID=HOST:PORT`, with commas between. Fails with `usage.masters` and all that is wrong. */
export function parseMasters(text: string): readonly NamedMaster[] {
  const faults: string[] = [];
  const masters = text.split(",").map((each) => parseOne(each.trim(), faults));
  const found = masters.filter((each) => each !== undefined);
  const places = found.map(({ address }) => formatAddress(address));
  const ids = found.flatMap(({ id }) => id ?? []);
  for (const twice of [...repeats(places), ...repeats(ids)]) faults.push(`${twice} stands there twice`);
  if (masters.length > MASTERS_MAX)
    faults.push(`it names ${masters.length} masters; at most ${MASTERS_MAX} are allowed`);
  if (faults.length === 0) return found;
  throw new Failure("usage.masters", `--masters is ${JSON.stringify(text)}: ${faults.join("; ")}`);
}

function parseOne(text: string, faults: string[]): NamedMaster | undefined {
  const [, id, place] = /^(?:([^=]*)=)?(.*)$/.exec(text)!; // matches anything
  const address = parseAddress(place!);
  if (id !== undefined && !ID.test(id)) faults.push(`${JSON.stringify(id)} is no id of a node`);
  if (!address || address.port === 0) faults.push(`${JSON.stringify(place)} is no ${ADDRESS_FORM}`);
  return address && { id, address };
}

function repeats(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.filter((text, at) => texts.indexOf(text) !== at))];
}
