// Measures the redactor: node -C @clauderon/source packages/proxy/src/redact/throughput.fixture.ts
import { randomBytes } from "node:crypto";

import { createRedactor } from "./create-redactor.ts";

const SECONDS = 1;
const value = `sk-ant-api03-${randomBytes(70).toString("base64url")}`;
const redactor = createRedactor([{ value, placeholder: "sk-ant-api03-placeholder" }]);
const event = 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"some words"}}\n\n';
const bodies = {
  "server-sent events": Buffer.from(event.repeat(700)),
  "random bytes": randomBytes(65_536),
  Base64: Buffer.from(randomBytes(49_152).toString("base64")),
  "events with the secret in each": Buffer.from(event.replace("some words", value).repeat(350)),
};

for (const [name, body] of Object.entries(bodies)) {
  const stream = redactor.start();
  const start = performance.now();
  let bytes = 0;
  while (performance.now() - start < SECONDS * 1000) {
    stream.write(body);
    bytes += body.length;
  }
  const rate = bytes / 1e6 / ((performance.now() - start) / 1000);
  console.log(`${name.padEnd(32)}${rate.toFixed(0).padStart(6)} MB/s`);
}
