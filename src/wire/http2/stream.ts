/** One stream: its numbers as the connection keeps them, and a place for what its owner keeps. Nobody outside this part changes anything but `state`. */
import type { HeaderList } from "../http/index.ts";

export class Http2Stream<T> {
  readonly id: number;
  /** The owner's. */
  state: T | undefined = undefined;

  isClosed = false;
  /** A head was received: what comes next as a head are trailers. */
  hasHead = false;
  isRemoteEnded = false;
  /** END_STREAM was sent. */
  isLocalEnded = false;
  /** Of a request: its reply has no body, whatever its head says of its length. */
  isHead = false;
  /** CONNECT: `content-length` means nothing. */
  isConnect = false;

  /** Nobody wants what the peer still sends: it is dropped, and the window stays shut. */
  isUnwanted = false;
  /** A CONNECT of the peer that was accepted: each side ends by itself. */
  isTunnel = false;
  /** A server's: the reply is whole, the request is not; it is dropped until the client ends it, or its time is over. */
  isLingering = false;
  /** Its reply is one that no client takes for a sign to stop sending. */
  isUnheeded = false;

  /** Bytes that the peer may send while nothing is consumed; it grows. */
  windowBytes: number;
  /** Bytes that the peer may still send. */
  receiveWindow: number;
  /** Consumed, and not yet given back to the peer. */
  unannounced = 0;
  /** Given to the owner, and not consumed yet. */
  heldBytes = 0;
  /** Of the body, by `content-length`; -1: not told. */
  bytesLeft = -1;

  /** Bytes that the peer still takes; below zero when it made its window smaller. */
  sendWindow: number;
  /** DATA that waits, the first one from `chunkAt` on; from `chunkFirst` on, those before are sent. */
  chunks: (Uint8Array | undefined)[] = [];
  chunkFirst = 0;
  chunkAt = 0;
  queuedBytes = 0;
  /** DATA that is in the output, or was. */
  sentBytes = 0;
  /** After what waits comes the end. */
  wantsEnd = false;
  trailers: HeaderList | undefined = undefined;
  /** In the line of those that can send. */
  isLined = false;
  /** The writer was told to wait. */
  isFull = false;
  /** Where in the output its last frame begins. */
  lastFrameAt = -1;

  constructor(id: number, receiveWindow: number, sendWindow: number) {
    this.id = id;
    this.windowBytes = receiveWindow;
    this.receiveWindow = receiveWindow;
    this.sendWindow = sendWindow;
  }
}
