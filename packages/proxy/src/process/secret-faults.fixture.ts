import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { silentLogger, type Logger } from "@clauderon/core/contract";

import { basic, identity, isWholeAnswer, readUntil, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import { composeProxy, type ComposedProxy } from "./compose-proxy.ts";

/** The other credential of the same session, which must go on working. */
export const soundSecret = "sk-SOUND-3fd0";

export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** A home whose credential for Anthropic is in some state, and that for OpenAI sound. */
export interface FaultyHome extends AsyncDisposable {
  readonly home: string;
  readonly composed: ComposedProxy;
  /** What the upstream was given. */
  readonly keys: (string | undefined)[];
  ask(vendor: "anthropic" | "openai"): Promise<Answered>;
  log(): string;
  /** Closes the proxy: what it decided is on disk from then on. */
  audit(): Promise<readonly Record<string, unknown>[]>;
}

export interface Fault {
  /** The file `secrets/anthropic`. */
  readonly file?: { readonly bytes: string | Uint8Array; readonly mode?: number };
  /** The program `op`; none = it is not there. */
  readonly op?: string;
  readonly usesOp?: boolean;
}

export async function startFaultyHome(fault: Fault): Promise<FaultyHome> {
  const root = await mkdtemp(join(tmpdir(), "clauderon-faults-"));
  const [home, programs] = [join(root, "h"), join(root, "bin")];
  for (const path of [home, programs, join(home, "secrets")]) await mkdir(path, { mode: 0o700 });
  const keys: (string | undefined)[] = [];
  const upstream = createServer((request, response) => {
    const key = request.headers["x-api-key"] ?? request.headers.authorization;
    keys.push(typeof key === "string" ? key : undefined);
    response.end(`answered with ${String(key)}`);
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const { file, op, usesOp = op !== undefined } = fault;
  const reference = usesOp
    ? `[onepassword]\nop_path = "${join(programs, "op")}"\n[onepassword.credentials]\nanthropic = "op://Private/Key/field"\n`
    : "";
  await writeFile(
    join(home, "proxy.toml"),
    `[proxy.upstreams]\n"api.anthropic.com" = "${origin}"\n"api.openai.com" = "${origin}"\n${reference}`,
  );
  await writeFile(join(home, "secrets", "openai"), soundSecret, { mode: 0o600 });
  if (file !== undefined) {
    await writeFile(join(home, "secrets", "anthropic"), file.bytes);
    await chmod(join(home, "secrets", "anthropic"), file.mode ?? 0o600);
  }
  if (op !== undefined) await writeFile(join(programs, "op"), `#!/bin/sh\n${op}\n`, { mode: 0o700 });
  const lines: string[] = [];
  const write = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    lines.push(JSON.stringify({ message, ...fields }));
  };
  const logger: Logger = { ...silentLogger, info: write, warn: write, error: write, child: () => logger };
  const environment = { PATH: process.env["PATH"] };
  const composed = await composeProxy({ home, userHome: root, environment, logger });
  const { port } = await composed.proxy.listen();
  const { token } = await composed.proxy.identities.add(identity());
  const ca = await readFile(join(home, "proxy-ca.pem"), "utf8");
  return {
    home,
    composed,
    keys,
    async ask(vendor) {
      const host = `api.${vendor}.com`;
      const tls = await tlsThrough({ port, authorization: basic("s1", token), ca }, { target: `${host}:443` });
      tls.write(`GET /v1/models HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      const { text } = await readUntil(tls, isWholeAnswer);
      tls.destroy();
      return { status: Number(text.slice(9, 12)), text };
    },
    log: () => lines.join("\n"),
    async audit() {
      await composed.close();
      const text = await readFile(join(home, "audit.jsonl"), "utf8");
      return text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async [Symbol.asyncDispose]() {
      await composed.close();
      upstream.closeAllConnections();
      upstream.close();
      await rm(root, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
