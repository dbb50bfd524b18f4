/** Whether two messages say the same, however they were written; what a message needs may be missing in both. */
import { create, type DescMessage, equals, type Message } from "@bufbuild/protobuf";

export function isSameMessage(desc: DescMessage, left: Message, right: Message): boolean {
  return equals(desc, left, right);
}

/** It holds nothing: defaults without presence are nothing. */
export function isEmptyMessage(desc: DescMessage, message: Message): boolean {
  return equals(desc, message, create(desc));
}
