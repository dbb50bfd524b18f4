/** Unpredictable bytes as a port: secrets come from the operating system, in simulations from a seed. */
export type Entropy = (sizeBytes: number) => Uint8Array;
