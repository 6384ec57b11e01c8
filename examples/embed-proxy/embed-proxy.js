import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { createPolicyEngine, createProxy, sandboxWiring, shippedRules } from "@clauderon/proxy";

/** A service of your own, beside those that the proxy knows. */
export const acmeRule = {
  id: "acme",
  description: "Acme's API",
  host: "api.acme.example",
  protocol: "http",
  inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
  secret: "acme",
  placeholder: "acme-placeholder-held-by-programs",
  credentialHeaders: ["authorization"],
};

/**
 * Runs a program that uses credentials and holds none, and resolves with its exit code.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {{
 *   directory: string,
 *   secrets: ReadonlyMap<string, string>,
 *   onDecision: (entry: import("@clauderon/proxy").AuditEntry) => void,
 *   upstream?: import("@clauderon/proxy").UpstreamSettings,
 * }} settings `directory` is private to this user: the key of the proxy's certificates is kept there.
 */
export async function runBehindProxy([program, ...args], { directory, secrets, onDecision, upstream }) {
  const rules = [acmeRule, ...shippedRules()];
  const bundlePath = join(directory, "ca-bundle.pem");
  await using proxy = createProxy({
    authorityPath: join(directory, "authority", "authority.pem"),
    bundlePath,
    policy: createPolicyEngine({ rules, secrets }),
    readSecret: async (name) => secrets.get(name),
    writeRecord: onDecision,
    upstream,
  });
  const { port } = await proxy.listen();
  const { token } = await proxy.identities.add({
    sessionId: "embedded",
    sessionName: "embedded",
    policy: { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true },
  });
  const wiring = sandboxWiring({
    sessionId: "embedded",
    proxyUrl: `http://embedded:${token}@127.0.0.1:${port}`,
    caBundlePath: bundlePath,
    agent: "other",
    rules,
    secrets: new Set(secrets.keys()),
    now: new Date().toISOString(),
  });
  const environment = { PATH: process.env.PATH, ...wiring.environment, ACME_TOKEN: acmeRule.placeholder };
  const child = spawn(program, args, { env: environment, stdio: "inherit" });
  const [code] = await once(child, "exit");
  return code;
}
