/** Random bytes from the operating system, for everything that is secret. */
import { randomBytes } from "node:crypto";
import type { Entropy } from "../../wire/auth/index.ts";

export const systemEntropy: Entropy = (sizeBytes) => randomBytes(sizeBytes);
