import { generateCACertificate, getLocal } from "mockttp";

import { announce, credentialHeaders, readTask } from "./peer-task.ts";

const task = await readTask();
const server = getLocal({ https: await generateCACertificate(), http2: true });
await server.start();
for (const { host, port, header, value } of task.rules) {
  const others = Object.fromEntries(credentialHeaders.map((name) => [name, undefined]));
  const upstream = { targetHost: `localhost:${port}`, updateHostHeader: host };
  const trust = [{ cert: task.authority }];
  await server
    .forAnyRequest()
    .forHost(host)
    .withProtocol("https")
    .always()
    .thenPassThrough({
      additionalTrustedCAs: trust,
      transformRequest: { replaceHost: upstream, updateHeaders: { ...others, [header]: value } },
    });
  await server
    .forAnyWebSocket()
    .forHost(host)
    .always()
    .thenPassThrough({ additionalTrustedCAs: trust, transformRequest: { replaceHost: upstream } });
}
await server.forUnmatchedRequest().thenReply(403, "refused");
await server.forAnyWebSocket().asPriority(-1).always().thenRejectConnection(403);
announce(server.port);
