import { Agent } from "node:https";

import { Proxy } from "http-mitm-proxy";

import { announce, credentialHeaders, readTask } from "./peer-task.ts";

const task = await readTask();
const rules = new Map(task.rules.map((rule) => [rule.host, rule]));
const proxy = new Proxy();
proxy.onError(() => undefined);
// oxlint-disable-next-line max-params -- the signature is the proxy's
proxy.onConnect((request, socket, _head, proceed) => {
  const [host = "", port] = (request.url ?? "").split(":");
  if (rules.has(host) && port === "443") return proceed();
  socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  return undefined;
});
proxy.onRequest((context, proceed) => {
  const rule = rules.get((context.clientToProxyRequest.headers.host ?? "").replace(/:443$/u, ""));
  const options = context.proxyToServerRequestOptions;
  if (rule === undefined || !context.isSSL || options === undefined) {
    context.proxyToClientResponse.writeHead(403);
    context.proxyToClientResponse.end("refused");
    return undefined;
  }
  for (const name of credentialHeaders) delete options.headers[name];
  options.headers[rule.header] = rule.value;
  options.host = "localhost";
  options.port = rule.port;
  return proceed();
});
proxy.listen(
  {
    host: "127.0.0.1",
    port: 0,
    sslCaDir: task.directory,
    // Node takes the name from the Host line, which is the one of the host that the upstream stands for.
    httpsAgent: new Agent({ ca: task.authority, keepAlive: true, servername: "localhost" }),
  },
  () => announce(proxy.httpPort),
);
