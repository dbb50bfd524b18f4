/** Gives back what comes by its socket, as a host of rules would that decides nothing. */
import type { Socket } from "bun";

/** As a host inherits it. */
const CONTROL_FD = 3;

const options: unknown = {
  fd: CONTROL_FD, // taken at run time; the types know host and unix only
  socket: {
    binaryType: "buffer",
    data: (socket: Socket, bytes: Buffer) => void socket.write(bytes),
    close: () => process.exit(0),
  },
};
await Bun.connect(options as Parameters<typeof Bun.connect>[0]);
