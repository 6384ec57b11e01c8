import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

import { parseJson } from "@clauderon/core/host";

import { upstreamAuthority } from "../../transport/testing/recording-upstream.fixture.ts";
import type { AttackUpstreams } from "./attack-upstreams.fixture.ts";
import { http2Host, ruledHost, type Subject } from "./attack-world.fixture.ts";
import { canaries } from "./planted-secrets.fixture.ts";

/** Other proxies that are set up for the same job, and one that refuses nothing: what it lets through, the cases can see. */
export const peerNames = ["mockttp", "http-mitm-proxy", "relay"] as const;
export type PeerName = (typeof peerNames)[number];

const folder = new URL("../../../../../tools/attack-peers/", import.meta.url);
/** They answer within milliseconds or not at all. */
const patienceMs = 1500;

/** Which version of it is attacked; the relay is ours. */
export async function peerVersion(name: PeerName): Promise<string> {
  if (name === "relay") return "";
  const manifest = await readFile(new URL(`node_modules/${name}/package.json`, folder), "utf8");
  return (parseJson(manifest, name) as { readonly version: string }).version;
}

/** Starts one in a process of its own. */
export async function startPeer(name: PeerName, upstreams: AttackUpstreams): Promise<Subject & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), "clauderon-peer-"));
  const child = spawn(process.execPath, [fileURLToPath(new URL(`${name}-peer.ts`, folder))], {
    cwd: directory,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const { gateway, http2, evil, inside } = upstreams;
  const task = {
    rules: [
      { host: ruledHost, port: gateway.port, header: "x-api-key", value: canaries.anthropic },
      {
        host: "generativelanguage.googleapis.com",
        port: gateway.port,
        header: "x-goog-api-key",
        value: canaries.gemini,
      },
      { host: http2Host, port: http2.port, header: "authorization", value: `Bearer ${canaries.openai}` },
    ],
    authority: upstreamAuthority.certificatePem,
    certificate: upstreamAuthority.certificatePem,
    key: upstreamAuthority.privateKey.export({ type: "pkcs8", format: "pem" }),
    directory,
    elsewhere: { "evil.test": evil.port, "api.github.com": gateway.port, "example.com": evil.port },
    insidePort: inside.port,
  };
  child.stdin.write(`${JSON.stringify(task)}\n`);
  return {
    port: await toldPort(child.stdout),
    ca: "",
    authorization: () => "",
    patienceMs,
    isPeer: true,
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** The first line that is a number: what else they say on their standard output is for nobody. */
async function toldPort(output: Readable): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  createInterface({ input: output }).on("line", (line) => {
    if (/^\d+$/u.test(line)) resolve(Number(line));
  });
  return promise;
}
