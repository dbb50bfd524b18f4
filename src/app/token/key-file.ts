/** The file of API keys: makes itself, once, by whichever process needs it first; is replaced whole when keys are rotated. */
import { dirname } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import {
  ApiKeyRing,
  CLOCK_TOLERANCE_MS,
  formatKeyRing,
  KEYS_TEXT_BYTES_MAX,
  parseKeyRing,
  SigningKey,
} from "../../edge/token/index.ts";
import { readPrivateFile } from "../../wire/auth/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { createPrivate, makeDirectory, replacePrivate } from "../secrets/private-write.ts";
import { whileLocked } from "../secrets/secrets-lock.ts";

/** Fails with `auth.key_file`, `auth.key_file.not_found` or `auth.file_not_private`. */
export function readKeyRing(path: string): ApiKeyRing {
  return parseKeyRing(readPrivateFile(path, KEYS_TEXT_BYTES_MAX).toString("utf8"), path);
}

/** Of two processes that make it at once both read the one that was first. */
export function ownKeyRing(path: string, clock: Pick<Clock, "now">): ApiKeyRing {
  try {
    return readKeyRing(path);
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== "auth.key_file.not_found") throw thrown;
  }
  makeDirectory(dirname(path));
  createPrivate(path, formatKeyRing(ApiKeyRing.generate(systemEntropy, clock.now())));
  return readKeyRing(path);
}

export interface Rotation {
  /** Ends the tokens of all keys but the new one. */
  readonly forget: boolean;
  /** When the last token under a key ends. */
  readonly lastExpiry: (keyId: string) => number;
}

export function rotateKeyFile(path: string, clock: Clock, { forget, lastExpiry }: Rotation): Promise<ApiKeyRing> {
  return whileLocked(path, () => {
    const before = readKeyRing(path);
    const nowMs = clock.now();
    const untilMs = forget ? nowMs : Math.max(nowMs, lastExpiry(before.first.id)) + CLOCK_TOLERANCE_MS;
    const rotated = (forget ? before.forgetOlder() : before).rotate(SigningKey.generate(systemEntropy), nowMs, untilMs);
    replacePrivate(path, formatKeyRing(rotated));
    return rotated;
  });
}
