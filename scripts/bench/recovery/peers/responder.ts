/**
 * The child that every supervisor of the comparison runs: it dials the bench's socket, says who it is, and answers what it is
 * asked. Run as a program of its own: responder.ts NAME SOCKET [mind-input]. With the last word it ends when its standard
 * input does, as a program that knows of its supervisor would; without it only a signal or the bench ends it.
 */
const [name, path, habit] = process.argv.slice(2);
if (name === undefined || path === undefined) throw new Error("usage: responder.ts NAME SOCKET [mind-input]");

if (habit === "mind-input") process.stdin.on("end", () => process.exit(0)).resume();

await Bun.connect({
  unix: path,
  socket: {
    open: (socket) => void socket.write(`hello ${name} ${process.pid}\n`),
    data: (socket) => void socket.write("answer\n"),
    close: () => process.exit(0), // the bench is over
  },
});

export {}; // a module, for the top-level await
