import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createAuthority } from "../certificates/authority.ts";
import {
  startRecordingUpstream,
  upstreamAuthority,
  type RecordingUpstream,
} from "../transport/testing/recording-upstream.fixture.ts";
import {
  connectThrough,
  identity,
  isWholeAnswer,
  readUntil,
  tlsThrough,
} from "../transport/testing/test-proxy.fixture.ts";
import { openProxyWorld, worldTarget, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

const patience = { timeout: 20_000 };
const event = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nevent:\r\n";

let world: ProxyWorld;
let way: Awaited<ReturnType<ProxyWorld["access"]>>;
let other: RecordingUpstream;

beforeEach(async () => {
  world = await openProxyWorld();
  way = await world.access();
  other = await startRecordingUpstream({ name: "localhost" });
});
afterEach(async () => {
  await other[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** Sends one request on a connection of its own and gives the answer. */
async function ask(path = "/v1/models", target = worldTarget): Promise<string> {
  const tls = await tlsThrough(way, { target });
  const host = target.replace(/:443$/u, "");
  const read = readUntil(tls, isWholeAnswer);
  tls.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Api-Key: placeholder\r\n\r\n`);
  const { text } = await read;
  tls.destroy();
  return text;
}

async function status(): Promise<number> {
  return Number((await ask()).slice(9, 12));
}

async function openStream(): Promise<TLSSocket> {
  world.gateway.respond = ({ socket, text }) => text.includes("\r\n\r\n") && socket.write(event);
  const tls = await tlsThrough(way, { target: worldTarget });
  const read = readUntil(tls, (text) => text.includes("event:"));
  tls.write("GET /v1/stream HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Api-Key: placeholder\r\n\r\n");
  expect((await read).text).toContain("event:");
  return tls;
}

describe("a change of proxy.toml while the proxy runs", () => {
  it("B3 sends new requests to another gateway, and leaves the stream that is open where it is", async () => {
    const tls = await openStream();
    const before = world.gateway.connections.at(-1);
    const text = await readFile(join(world.home, "proxy.toml"), "utf8");
    await writeFile(join(world.home, "proxy.toml"), text.replace(`:${world.gateway.port}`, `:${other.port}`));
    await world.client.call("reload", {});
    expect(await status()).toBe(200);
    expect(other.text).toMatch(/GET \/v1\/models[^]*x-api-key: sk-ant-REAL/iu);
    const next = readUntil(tls, (so) => so.includes("more"));
    before?.socket.write("4\r\nmore\r\n");
    expect((await next).text).toContain("more");
    tls.destroy();
  });

  it("B3 trusts another authority, or one no more, also in what sandboxes trust; its file is looked at, too", async () => {
    expect(await status()).toBe(200);
    const { bundlePath } = await world.client.call("status", {});
    const pem = upstreamAuthority.certificatePem.trim();
    const isTrusted = async (): Promise<boolean> => (await readFile(bundlePath, "utf8")).includes(pem);
    expect(await isTrusted()).toBe(true);
    const stranger = createAuthority(new Date()).certificatePem;
    await writeFile(join(world.root, "ca.pem"), stranger);
    await expect.poll(status, patience).toBe(502);
    expect(await isTrusted()).toBe(false);
    expect(await ask()).toMatch(/TLS connection that can be trusted[^]*extra_ca[^]*clauderon proxy explain/u);
    await writeFile(join(world.root, "second.pem"), pem);
    await world.configure("", "").then(async () => {
      const text = await readFile(join(world.home, "proxy.toml"), "utf8");
      await writeFile(join(world.home, "proxy.toml"), text.replace("ca.pem", "second.pem"));
    });
    await expect.poll(status, patience).toBe(200);
    expect(await isTrusted()).toBe(true);
  });

  it("E one that is wrong keeps the old settings whole, and is told with its line until it is corrected", async () => {
    const right = await readFile(join(world.home, "proxy.toml"), "utf8");
    const broken = [
      { text: right.replace("[proxy]", '[proxy]\ndeny = ["api.anthropic.com"]\nalow = []'), line: 3 },
      { text: `${right}\n[[rules]\n`, line: right.split("\n").length + 1 },
    ];
    for (const { text, line } of broken) {
      await writeFile(join(world.home, "proxy.toml"), text);
      const problem = async (): Promise<string | undefined> =>
        (await world.client.call("status", {})).settingsProblem?.message;
      await expect.poll(problem, patience).toContain(`proxy.toml:${line}`);
      expect(await status()).toBe(200);
      expect(await world.log()).toContain(`proxy.toml:${line}`);
      await writeFile(join(world.home, "proxy.toml"), right);
      await expect.poll(problem, patience).toBeUndefined();
    }
    // What is right by itself does not hold when what it names cannot be read.
    await writeFile(
      join(world.home, "proxy.toml"),
      `[proxy]\ndeny = ["api.anthropic.com"]\nextra_ca = "${world.root}/none.pem"\n`,
    );
    await expect(world.client.call("reload", {})).rejects.toMatchObject({ code: "settings.invalid" });
    expect((await world.client.call("status", {})).settingsProblem?.message).toContain("none.pem");
    expect(await status()).toBe(200);
  });

  it("A3 A4 takes new rules and secrets, also from another directory", async () => {
    const target = "vendor.example:443";
    const rule = `[[rules]]\nid = "vendor"\nhost = "vendor.example"\nsecret = "vendor"\ninject = { header = "X-Key", format = "{secret}" }\n`;
    await mkdir(join(world.root, "secrets"), { mode: 0o700 });
    await writeFile(join(world.root, "secrets", "vendor"), "REAL-vendor-99", { mode: 0o600 });
    const text = await readFile(join(world.home, "proxy.toml"), "utf8");
    await writeFile(
      join(world.home, "proxy.toml"),
      `secrets_dir = "${world.root}/secrets"\n${text}"vendor.example" = "https://localhost:${other.port}"\n${rule}`,
    );
    await world.client.call("reload", {});
    expect(await ask("/a", target)).toContain("200");
    expect(other.text).toMatch(/x-key: REAL-vendor-99/iu);
    await writeFile(join(world.root, "secrets", "vendor"), "REAL-vendor-100", { mode: 0o600 });
    await expect.poll(async () => ask("/b", target).then(() => other.text), patience).toContain("REAL-vendor-100");
  });

  it("lets a session send so many requests per second as the settings of the moment say, and leaves others alone", async () => {
    await world.configure("requests_per_second = 0.1");
    await world.client.call("reload", {});
    expect(await status()).toBe(200);
    expect(await ask()).toMatch(/^HTTP\/1.1 429[^]*retry-after: 1[^]*requests_per_second[^]*clauderon proxy explain/iu);
    const audit = async (): Promise<string> => readFile(join(world.home, "audit.jsonl"), "utf8");
    await expect.poll(audit, patience).toContain("too-many-requests-per-second");
    const first = way;
    way = await world.access("s2");
    expect(await status()).toBe(200);
    way = first;
    await world.configure();
    await world.client.call("reload", {});
    await expect.poll(status, patience).toBe(200);
  });

  it("takes another ChatGPT login: what sandboxes are wired with and what renews it there are of that one", async () => {
    const access = ["{}", '{"exp":4000000000}', "x"].map((part) => Buffer.from(part).toString("base64url")).join(".");
    for (const account of ["first", "second"]) {
      const path = join(world.root, `${account}.json`);
      const tokens = { access_token: access, refresh_token: "stored-refresh", account_id: `acct-${account}` };
      await writeFile(path, JSON.stringify({ tokens }), { mode: 0o600 });
      await world.configure();
      const text = await readFile(join(world.home, "proxy.toml"), "utf8");
      await writeFile(join(world.home, "proxy.toml"), `codex_auth_json_path = "${path}"\n${text}`);
      await world.client.call("reload", {});
      expect(await world.client.call("wiring", {})).toMatchObject({ codexAccountId: `acct-${account}` });
      const tls = await tlsThrough(way, { target: "auth.openai.com:443" });
      const read = readUntil(tls, isWholeAnswer);
      tls.write("POST /oauth/token HTTP/1.1\r\nHost: auth.openai.com\r\nContent-Length: 0\r\n\r\n");
      const [, claims = ""] = /"id_token":"[^".]+\.([^".]+)/u.exec((await read).text) ?? [];
      expect(Buffer.from(claims, "base64url").toString()).toContain(`acct-${account}`);
      tls.destroy();
    }
  });

  it("closes the ports of the daemon that runs now, and opens those of the one before", async () => {
    const policy = { ...identity().policy, network: "open", isIsolated: false } as const;
    await world.configure(`allow = ["127.0.0.1:${other.port}"]`);
    await world.client.call("reload", {});
    await world.client.call("update", { identity: identity("s1", policy) });
    const connect = async (): Promise<string> => {
      const { socket, answer } = await connectThrough(way, { target: `127.0.0.1:${other.port}` });
      socket.destroy();
      return answer.slice(9, 12);
    };
    expect(await connect()).toBe("200");
    await world.client.call("closePorts", { ports: [other.port] });
    expect(await connect()).toBe("403");
    await world.client.call("reload", {});
    expect(await connect()).toBe("403");
    await world.client.call("closePorts", { ports: [1] });
    expect(await connect()).toBe("200");
  });
});
