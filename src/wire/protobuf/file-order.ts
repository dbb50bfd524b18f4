/** Files so that each comes after those that it imports. */
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { Failure } from "../../base/errors.ts";

export function inImportOrder(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const ordered: FileDescriptorProto[] = [];
  const states = new Map<string, "open" | "done">();
  // A stack of its own: a chain of imports may be longer than the call stack allows.
  for (const first of files.keys()) {
    const stack = [first];
    while (stack.length > 0) {
      const name = stack[stack.length - 1]!;
      const file = files.get(name);
      if (file === undefined)
        throw new Failure(
          "protobuf.import",
          `ordering files failed: ${name} is imported and not there; every imported file is required`,
        );
      if (states.get(name) === "done") {
        stack.pop();
      } else if (states.get(name) === "open") {
        states.set(name, "done");
        ordered.push(file);
        stack.pop();
      } else {
        states.set(name, "open");
        for (const imported of file.dependency) {
          if (states.get(imported) === "open") {
            throw new Failure(
              "protobuf.import_cycle",
              `ordering files failed: ${name} imports ${imported}, which imports it; imports without a circle are required`,
            );
          }
          if (states.get(imported) === undefined) stack.push(imported);
        }
      }
    }
  }
  return ordered;
}
