/** A value as it was found, which one list of values at a time knows the place of: equal values are one there. */
import { Subject } from "../match/index.ts";

export class Value extends Subject {
  /** Of the list that was put together last; numbers, because a value may outlive the list. */
  listedIn = 0;
  listedAt = 0;
}
