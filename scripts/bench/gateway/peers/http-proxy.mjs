/** The package http-proxy as a plain proxy, with connections to the upstream kept. */
import http from "node:http";
import httpProxy from "http-proxy";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: 512, maxFreeSockets: 512 });
const proxy = httpProxy.createProxyServer({ target: { host: "127.0.0.1", port: upstreamPort }, agent });
proxy.on("error", (error, _request, response) => {
  response.writeHead(502);
  response.end(error.message);
});
http.createServer((request, response) => proxy.web(request, response)).listen(port, "127.0.0.1");
