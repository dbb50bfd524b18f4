/**
 * Clients that cost a server what they can without being refused: half of them send a byte of a head now and then, half of them ask and
 * read a little of the reply now and then. Whoever is cut off comes again. Prints `ready`, and then counts when its input ends.
 */
import type { Socket } from "bun";
import { systemClock } from "../../../../src/base/clock.ts";

interface Client {
  readonly isReader: boolean;
  sent: number;
}

const [port = 0, clients = 0, everyMs = 1_000] = process.argv.slice(2).map(Number);
const HEAD = Buffer.from(`GET /small HTTP/1.1\r\nhost: 127.0.0.1\r\nx-long: ${"y".repeat(8_000)}\r\n\r\n`);
const ASK = Buffer.from("GET /large HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
const STEPS = 20;
/** Turns from one read to the next. */
const READ_EVERY = 10;
const OPENED_A_STEP = 50;

const open = new Set<Socket<Client>>();
let cut = 0;
let wanted = 0;
let turnsWithAll = 0;

function connect(isReader: boolean): void {
  Bun.connect<Client>({
    hostname: "127.0.0.1",
    port,
    data: { isReader, sent: 0 },
    socket: {
      open(socket) {
        open.add(socket);
        if (!isReader) return;
        socket.write(ASK);
        socket.pause();
      },
      data(socket) {
        if (socket.data.isReader) socket.pause();
      },
      close(socket) {
        open.delete(socket);
        cut++;
      },
      connectError() {
        cut++;
      },
    },
  }).catch(() => {}); // counted above
}

/** A byte of each head a turn, a read of each reply in ten; spread over the turn so that they do not come in one burst. */
function step(number: number): void {
  let at = 0;
  for (const socket of open) {
    const { isReader, sent } = socket.data;
    if (at++ % STEPS !== number % STEPS) continue;
    if (!isReader) {
      socket.write(HEAD.subarray(sent, sent + 1));
      socket.data.sent++;
    } else if (at % READ_EVERY === Math.floor(number / STEPS) % READ_EVERY) socket.resume();
  }
  const missing = Math.min(OPENED_A_STEP, clients - open.size);
  for (let n = 0; n < missing; n++) connect(wanted++ % 2 === 0);
  if (number % STEPS === 0) tell();
  systemClock.after(everyMs / STEPS, () => step(number + 1));
}

/** Ready two turns after nearly all are there: what they began with is over then. */
function tell(): void {
  if (open.size >= clients * 0.98) turnsWithAll++;
  if (turnsWithAll === 3) console.log(JSON.stringify({ event: "ready" }));
  if (turnsWithAll >= 3) console.log(JSON.stringify({ event: "count", open: open.size, cut }));
}

step(0);
