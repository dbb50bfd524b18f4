/** A service with so many methods that its counts alone make more than a thousand series. */
import { defineService, method, z } from "distributed-system/service";

const METHODS = 60;

const nothing = z.object({});
const one = method({ public: true, access: "read", input: nothing, output: nothing, handler: () => ({}) });

export default defineService({
  name: "wide",
  version: "1.0.0",
  methods: Object.fromEntries(Array.from({ length: METHODS }, (_, number) => [`m${number}`, one])),
});
