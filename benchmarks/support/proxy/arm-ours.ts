import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import {
  createAuditLog,
  createModelTap,
  createPolicyEngine,
  createProxy,
  createSecretSource,
  parseAllowedAddress,
  type CredentialRule,
  type SessionPolicy,
} from "@clauderon/proxy";

import { benchDomain, benchPlaceholder, benchSecret, type ArmName, type ArmPlace } from "./place.ts";

export interface OursOptions {
  readonly directory: string;
  readonly upstreamPort: number;
  readonly upstreamCa: string;
  readonly sessions?: number;
}

/** Our proxy as the product composes it: its rules engine and address check, a secret from a file, the audit on the disk, the tap. */
export async function openOurs(name: ArmName, options: OursOptions): Promise<ArmPlace> {
  const { directory, upstreamPort, upstreamCa } = options;
  const isTunnel = name === "tunnel";
  const isWatched = name !== "intercept-unwatched";
  const secretsDirectory = path.join(directory, "secrets");
  await mkdir(secretsDirectory, { mode: 0o700 });
  await writeFile(path.join(secretsDirectory, "bench"), benchSecret, { mode: 0o600 });
  const secrets = createSecretSource({
    directory: secretsDirectory,
    environment: {},
    monotonicMs: () => performance.now(),
  });
  const rule: CredentialRule = {
    id: "bench",
    description: "the upstream of the benchmark",
    host: `*.${benchDomain}`,
    port: upstreamPort,
    protocol: "anthropic",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    secret: "bench",
    placeholder: benchPlaceholder,
  };
  const audit = createAuditLog({ path: path.join(directory, "audit.jsonl") });
  const tap = createModelTap();
  const allowed = parseAllowedAddress(`127.0.0.1:${upstreamPort}`);
  const bundlePath = path.join(directory, "ca.pem");
  const proxy = createProxy({
    authorityPath: path.join(directory, "authority", "authority.pem"),
    bundlePath,
    policy: createPolicyEngine({ rules: isTunnel ? [] : [rule], secrets }),
    readSecret: (name) => secrets.ready(name)?.reveal() ?? secrets.get(name).then((secret) => secret?.reveal()),
    writeRecord: isWatched ? (entry) => audit.write(entry) : () => undefined,
    flushRecords: isWatched ? () => audit.flush() : undefined,
    observers: isWatched ? [tap.createObserver] : [],
    upstream: {
      extraCertificates: [upstreamCa],
      resolve: async () => ["127.0.0.1"],
      allowedAddresses: allowed === undefined ? [] : [allowed],
    },
    limits: { tunnelsPerSession: 2048, requestsPerSession: 2048 },
  });
  const { port } = await proxy.listen();
  const policy: SessionPolicy = {
    accessMode: "read-write",
    network: "listed",
    allow: isTunnel ? [`*.${benchDomain}:${upstreamPort}`, `127.0.0.1:${upstreamPort}`] : [],
    deny: [],
    isIsolated: true,
  };
  const authorizations = await Promise.all(
    Array.from({ length: options.sessions ?? 1 }, async (_, index) => {
      const sessionId = `s${index}`;
      const { token } = await proxy.identities.add({ sessionId, sessionName: sessionId, policy });
      return `Basic ${Buffer.from(`${sessionId}:${token}`).toString("base64")}`;
    }),
  );
  return {
    port,
    ca: isTunnel ? upstreamCa : await readFile(bundlePath, "utf8"),
    authorization: authorizations[0],
    authorizations,
  };
}
