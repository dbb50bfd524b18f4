/**
 * Takes over a key file that has changed while the process runs. The file is looked at now and then, its owner and mode too:
 * one that others can read is as bad as a broken one, and mending only the mode is a change as well. A file that cannot be
 * used leaves the keys as they are; people are told once for each fault.
 */
import { statSync } from "node:fs";
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { type Keyring, readKeyFile } from "../../wire/auth/index.ts";

/** A look costs some microseconds; an operator who rotates keys waits longer between two steps. */
export const KEY_LOOK_MS = 1_000;

export interface KeyWatchPorts {
  readonly clock: Clock;
  /** To be handed to whoever signs or seals. */
  readonly rotated: (keyring: Keyring) => void;
  readonly warn: (text: string) => void;
}

export interface KeyWatch {
  close(): void;
}

/** `current` is what the process goes by now: what differs from it is told, also when it changed before the first look. */
export function watchKeys(keyFile: string, current: Keyring, { clock, rotated, warn }: KeyWatchPorts): KeyWatch {
  let keyring = current;
  let seen = "";
  let judged = "";
  let timer: Timer;
  const judge = (): void => {
    try {
      const found = readKeyFile(keyFile);
      if (found.sameAs(keyring)) return;
      keyring = found;
      rotated(found);
    } catch (thrown) {
      warn(`the cluster keys stay as they were: ${messageOf(thrown)}`);
    }
  };
  const tick = (): void => {
    const look = lookAt(keyFile);
    if (look === seen && look !== judged) {
      judged = look; // the same twice in a row: nobody is writing it just now
      judge();
    }
    seen = look;
    timer = clock.after(KEY_LOOK_MS, tick);
  };
  timer = clock.after(KEY_LOOK_MS, tick);
  return { close: () => timer.cancel() };
}

/** The time of change moves with mode and owner too. Why there is nothing to see is all there is to see then: judging tells it. */
function lookAt(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (thrown) {
    return messageOf(thrown); // gone, a loop of links, a directory that may not be searched
  }
}
