/** A server of @grpc/grpc-js that answers small unary calls. */
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const file = fileURLToPath(new URL("greeter.proto", import.meta.url));
const { bench } = grpc.loadPackageDefinition(loader.loadSync(file));
const server = new grpc.Server();
server.addService(bench.Greeter.service, {
  Greet: ({ request: { name, times } }, done) => done(null, { text: `hello ${name}`, at: times }),
});
server.bindAsync(`127.0.0.1:${process.argv[2]}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
