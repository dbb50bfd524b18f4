/** What the structures of the replicated data are built of. */
export { type Due, DueHeap } from "./due-heap.ts";
export { Fifo } from "./fifo.ts";
export { byCodeUnits, firstNames } from "./names.ts";
export { bytesOrText, inPieces, listOf, optional, pieceFault, textOf, wholeOf } from "./pieces.ts";
