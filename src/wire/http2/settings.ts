/** What the peer has told us of itself by SETTINGS (RFC 9113, 6.5), checked. */
import { SETTING } from "./frames.ts";
import {
  FRAME_BYTES_MAX,
  PEER_STREAMS_DEFAULT,
  TABLE_BYTES,
  WINDOW_BYTES_DEFAULT,
  WINDOW_BYTES_MAX,
} from "./limits.ts";
import { ERROR } from "./words.ts";

const FRAME_BYTES_ALLOWED = 2 ** 24 - 1;

export interface SettingsFault {
  readonly code: number;
  readonly text: string;
}

export class PeerSettings {
  tableBytes = TABLE_BYTES;
  streamsMax = PEER_STREAMS_DEFAULT;
  windowBytes = WINDOW_BYTES_DEFAULT;
  frameBytesMax = FRAME_BYTES_MAX;
  headerListBytesMax = Number.POSITIVE_INFINITY;
  takesConnect = false;
  /** The first frame of settings has come. */
  isKnown = false;
  readonly #isServer: boolean;

  /** `isServer`: of the peer. */
  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  /** The payload of a frame, a multiple of six bytes. */
  read(bytes: Uint8Array, from: number, to: number): SettingsFault | undefined {
    // Who names no limit has none (RFC 9113, 6.5.2).
    if (!this.isKnown) this.streamsMax = Number.POSITIVE_INFINITY;
    this.isKnown = true;
    for (let at = from; at < to; at += 6) {
      const id = (bytes[at]! << 8) | bytes[at + 1]!;
      const value = ((bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!) >>> 0;
      const fault = this.#set(id, value);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #set(id: number, value: number): SettingsFault | undefined {
    if (id === SETTING.headerTableSize) this.tableBytes = value;
    else if (id === SETTING.maxConcurrentStreams) this.streamsMax = value;
    else if (id === SETTING.maxHeaderListSize) this.headerListBytesMax = value;
    else if (id === SETTING.initialWindowSize) {
      if (value > WINDOW_BYTES_MAX) return { code: ERROR.flowControl, text: `an initial window of ${value}` };
      this.windowBytes = value;
    } else if (id === SETTING.maxFrameSize) {
      if (value < FRAME_BYTES_MAX || value > FRAME_BYTES_ALLOWED) return protocolFault(`frames of at most ${value}`);
      // Larger ones gain nothing, and let one stream hold up the others.
      this.frameBytesMax = FRAME_BYTES_MAX;
    } else if (id === SETTING.enablePush) {
      if (value > 1 || (value === 1 && this.#isServer)) return protocolFault(`ENABLE_PUSH ${value}`);
    } else if (id === SETTING.enableConnectProtocol) {
      if (value > 1 || (value === 0 && this.takesConnect)) return protocolFault(`ENABLE_CONNECT_PROTOCOL ${value}`);
      this.takesConnect = value === 1;
    }
    return undefined;
  }
}

function protocolFault(text: string): SettingsFault {
  return { code: ERROR.protocol, text };
}
