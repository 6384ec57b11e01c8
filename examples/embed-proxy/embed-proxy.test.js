import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { runBehindProxy } from "./embed-proxy.js";

const request = `
  const headers = { authorization: "Bearer " + process.env.ACME_TOKEN };
  const { status } = await fetch("https://api.acme.example/things", { headers });
  const elsewhere = await fetch("https://example.com/", { headers }).then(() => "reached", () => "refused");
  process.exit(status === 200 && elsewhere === "refused" && !process.env.ACME_TOKEN.includes("real") ? 0 : 1);
`;

void test("the program holds a placeholder, the service gets the credential", async () => {
  const directory = await mkdtemp(join(tmpdir(), "embed-proxy-"));
  const seen = [];
  const service = createServer((incoming, response) => {
    seen.push(incoming.headers.authorization);
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  const decisions = [];
  try {
    const code = await runBehindProxy([process.execPath, "--input-type=module", "-e", request], {
      directory,
      secrets: new Map([["acme", "real-token-of-acme"]]),
      onDecision: ({ decision, host }) => decisions.push(`${decision} ${host}`),
      // Stands in for the service; without it requests go to the host itself.
      upstream: {
        overrides: new Map([["api.acme.example", { scheme: "http", host: "127.0.0.1", port: service.address().port }]]),
      },
    });
    assert.equal(code, 0);
    assert.deepEqual(seen, ["Bearer real-token-of-acme"]);
    assert.ok(decisions.includes("injected api.acme.example"));
    assert.ok(decisions.includes("blocked example.com"));
  } finally {
    service.closeAllConnections();
    service.close();
    await rm(directory, { recursive: true });
  }
});
