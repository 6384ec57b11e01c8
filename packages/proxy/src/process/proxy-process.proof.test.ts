import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { promisify } from "node:util";

import { isProcessRunning } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { SessionPolicy } from "../policy/proxy-types.ts";
import {
  startRecordingUpstream,
  upstreamAuthority,
  type RecordingUpstream,
} from "../transport/testing/recording-upstream.fixture.ts";
import { basic, connectThrough, identity, readUntil, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import { startProxyProcess, type ProxyClient } from "./proxy-client.ts";
import { endProxiesOf, proxiesOf } from "./testing/end-proxies.fixture.ts";

const run = promisify(execFile);
const secret = "sk-ant-REAL-7c41d2";
const target = "api.anthropic.com:443";
let root: string;
let home: string;
let gateway: RecordingUpstream;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "clauderon-pp-"));
  home = join(root, "h");
  await mkdir(home, { mode: 0o700 });
  gateway = await startRecordingUpstream({ name: "localhost" });
  await writeFile(join(root, "ca.pem"), upstreamAuthority.certificatePem);
  await writeFile(
    join(home, "proxy.toml"),
    `[proxy]\nextra_ca = "${join(root, "ca.pem")}"\n[proxy.upstreams]\n"api.anthropic.com" = "https://localhost:${gateway.port}"\n`,
  );
});
afterEach(async () => {
  await endProxiesOf(root);
  await gateway[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true, maxRetries: 10 });
});

function options(environment: Record<string, string> = {}): Parameters<typeof startProxyProcess>[0] {
  return {
    home,
    userHome: root,
    environment: { PATH: process.env["PATH"], ANTHROPIC_API_KEY: secret, ...environment },
  };
}

async function start(): Promise<ProxyClient> {
  return startProxyProcess(options());
}

async function openStream(test: Parameters<typeof tlsThrough>[0]): Promise<TLSSocket> {
  gateway.respond = ({ socket, text }) =>
    text.includes("\r\n\r\n") &&
    socket.write(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nevent:\r\n",
    );
  const tls = await tlsThrough(test, { target });
  const read = readUntil(tls, (text) => text.includes("event:"));
  const body = JSON.stringify({ model: "claude", stream: true, messages: [{ role: "user", content: "hi" }] });
  tls.write(
    `POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Api-Key: placeholder\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const { text } = await read;
  expect(text).toMatch(/^HTTP\/1.1 200/u);
  return tls;
}

async function access(client: ProxyClient): Promise<Parameters<typeof tlsThrough>[0]> {
  const { token } = await client.call("add", { identity: identity() });
  const { port, bundlePath } = await client.call("status", {});
  return { port, authorization: basic("s1", token), ca: await readFile(bundlePath, "utf8") };
}

describe("the proxy's process", () => {
  it("A1 outlives whoever started it, with its open streams; one runs per home; secrets are not in its environment", async () => {
    const script = `
      const { startProxyProcess } = await import(${JSON.stringify(new URL("proxy-client.ts", import.meta.url).href)});
      const client = await startProxyProcess(${JSON.stringify(options())});
      process.stdout.write(String((await client.call("status", {})).processId));
      process.exit(0);`;
    const starter = ["--conditions", "@clauderon/source", "--input-type=module", "-e", script];
    const started = await Promise.all([run(process.execPath, starter), run(process.execPath, starter)]);
    const [processId] = started.map(({ stdout }) => Number(stdout));
    expect(started[1].stdout).toBe(started[0].stdout);

    await using client = await start();
    expect((await client.call("status", {})).processId).toBe(processId);
    const test = await access(client);
    const tls = await openStream(test);
    expect(gateway.text).toMatch(new RegExp(`x-api-key: ${secret}`, "iu"));
    client.close();
    await using again = await start();
    expect((await again.call("status", {})).requests).toBe(1);
    const next = readUntil(tls, (text) => text.includes("more"));
    gateway.connections.at(-1)?.socket.write("4\r\nmore\r\n");
    expect((await next).text).toContain("more");
    expect(await readFile(`/proc/${processId}/environ`, "latin1")).not.toContain(secret);
    expect(await readFile(join(home, "proxy", "state.json"), "utf8")).not.toContain(secret);
    for (const path of ["run/proxy.sock", "run/proxy-daemon.sock", "proxy/state.json", "proxy/authority.pem"])
      expect((await stat(join(home, path))).mode & 0o777).toBe(0o600);
    tls.destroy();
  });

  it("B4 comes back after a kill with its port, tokens and authority; open streams end with an error", async () => {
    const client = await start();
    const test = await access(client);
    await client.call("limit", { sessionId: "s1", limit: "5usd" });
    const tls = await openStream(test);
    const before = await client.call("status", {});
    const read = readUntil(tls);
    process.kill(before.processId, "SIGKILL");
    expect((await read).text.endsWith("0\r\n\r\n")).toBe(false);
    await expect(client.call("status", {})).rejects.toMatchObject({ code: "daemon.unreachable" });
    await using again = await start();
    const after = await again.call("status", {});
    expect({ port: after.port, sessions: after.sessions }).toEqual({ port: before.port, sessions: 1 });
    expect(after.processId).not.toBe(before.processId);
    (await openStream(test)).destroy();
    expect(await again.call("remove", { sessionId: "s1" })).toBe(true);
    expect((await connectThrough(test, { target })).answer).toMatch(/^HTTP\/1.1 407/u);
  });

  it("tells what the model tap saw, also before it was asked", async () => {
    await using client = await start();
    const tls = await openStream(await access(client));
    const { events: followed } = await client.follow();
    const events = followed[Symbol.asyncIterator]();
    const { value } = await events.next();
    expect(value).toMatchObject({ sequence: 1, record: { sessionId: "s1", vendor: "anthropic" } });
    await events.return?.();
    tls.destroy();
  });

  it("takes new rules without a restart, and refuses broken ones with file and line", async () => {
    await using client = await start();
    const test = await access(client);
    await writeFile(join(home, "proxy.toml"), '[proxy]\ndeny = ["api.anthropic.com"]\n');
    await client.call("reload", {});
    expect((await connectThrough(test, { target })).answer).toMatch(/^HTTP\/1.1 403/u);
    await writeFile(join(home, "proxy.toml"), '[proxy]\ndenny = ["x"]\n');
    await expect(client.call("reload", {})).rejects.toMatchObject({ code: "settings.invalid" });
    expect((await connectThrough(test, { target })).answer).toMatch(/^HTTP\/1.1 403/u);
  });

  it("sees a change of proxy.toml by itself; a broken one leaves what is in force, and who wires a sandbox is told", async () => {
    await using client = await start();
    const test = await access(client);
    const status = async (): Promise<string> => (await connectThrough(test, { target })).answer.slice(9, 12);
    await writeFile(join(home, "proxy.toml"), '[proxy]\ndeny = ["api.anthropic.com"]\n');
    await expect.poll(status).toBe("403");
    await writeFile(join(home, "proxy.toml"), '[proxy]\ndenny = ["x"]\n');
    await expect(client.call("wiring", {})).rejects.toMatchObject({ code: "settings.invalid" });
    expect(await status()).toBe("403");
  });

  it("leaves the ChatGPT login to the user's own Codex on the user's own machine, and puts it in for a sandbox", async () => {
    const stored = ["{}", '{"exp":4000000000}', "x"].map((part) => Buffer.from(part).toString("base64url")).join(".");
    await mkdir(join(root, ".codex"));
    const login = JSON.stringify({
      tokens: { access_token: stored, refresh_token: "stored-refresh", account_id: "acct-1" },
    });
    await writeFile(join(root, ".codex", "auth.json"), login, { mode: 0o600 });
    const upstreams = ["chatgpt.com", "auth.openai.com"].map(
      (host) => `"${host}" = "https://localhost:${gateway.port}"`,
    );
    await writeFile(
      join(home, "proxy.toml"),
      `[proxy]\nextra_ca = "${join(root, "ca.pem")}"\n[proxy.upstreams]\n${upstreams.join("\n")}\n`,
    );
    await using client = await start();
    const { port, bundlePath } = await client.call("status", {});
    expect(await client.call("wiring", {})).toMatchObject({ codexAccountId: "acct-1" });
    const ask = async (policy: SessionPolicy, host: string, head: string): Promise<string> => {
      const { token } = await client.call("add", { identity: identity("s1", policy) });
      const ca = await readFile(bundlePath, "utf8");
      const tls = await tlsThrough({ port, authorization: basic("s1", token), ca }, { target: `${host}:443` });
      const read = readUntil(tls, (text) => text.includes("\r\n\r\n"));
      tls.write(`${head}\r\nHost: ${host}\r\nAuthorization: Bearer own\r\n\r\n`);
      const { text } = await read;
      tls.destroy();
      return text;
    };
    const sandbox: SessionPolicy = identity().policy;
    const user: SessionPolicy = { ...sandbox, network: "open", isIsolated: false, isUnconfined: true };
    await ask(user, "chatgpt.com", "GET /backend-api/models HTTP/1.1");
    expect(gateway.text).toContain("Bearer own");
    gateway.clear();
    await ask({ ...sandbox, isIsolated: true }, "chatgpt.com", "GET /backend-api/models HTTP/1.1");
    expect(gateway.text).toContain(`Bearer ${stored}`);
    gateway.clear();
    expect(await ask(user, "auth.openai.com", "POST /oauth/token HTTP/1.1\r\nContent-Length: 0")).toMatch(/ok$/u);
    expect(gateway.text).toContain("POST /oauth/token");
    gateway.clear();
    const answered = await ask(sandbox, "auth.openai.com", "POST /oauth/token HTTP/1.1\r\nContent-Length: 0");
    expect(answered).toMatch(/^HTTP\/1.1 200/u);
    expect(answered).toContain('"refresh_token":"clauderon-codex-access-placeholder"');
    expect(answered).not.toContain(stored);
    expect(gateway.text).toBe("");
  });

  it("ends when it is asked to and nothing is open", async () => {
    await using client = await start();
    const { processId } = await client.call("status", {});
    const tls = await openStream(await access(client));
    await client.call("stop", { whenIdle: true });
    const next = readUntil(tls, (text) => text.includes("more"));
    gateway.connections.at(-1)?.socket.write("4\r\nmore\r\n");
    expect((await next).text).toContain("more");
    tls.destroy();
    await expect.poll(() => isProcessRunning(processId)).toBe(false);
  });

  it("one that a test has lost sight of is ended with the test's directory", async () => {
    (await startProxyProcess(options())).close();
    expect(await proxiesOf(root)).toHaveLength(1);
    await endProxiesOf(root);
    expect(await proxiesOf(root)).toEqual([]);
  });

  it("ends when its home is deleted", async () => {
    await using client = await start();
    const { processId } = await client.call("status", {});
    await rm(home, { recursive: true, force: true, maxRetries: 10 });
    await expect.poll(() => isProcessRunning(processId)).toBe(false);
  });

  it("E says by whom its port is taken, which sessions have been given", async () => {
    const { port, other } = await taken(async (client) => void (await client.call("add", { identity: identity() })));
    await expect(startProxyProcess(options())).rejects.toMatchObject({
      code: "daemon.unreachable",
      why: expect.stringMatching(
        new RegExp(`^The proxy cannot listen on port ${port}: process ${process.pid} \\(.+\\) listens there$`, "u"),
      ) as string,
      fix: [
        `end that program: kill ${process.pid}`,
        expect.stringContaining("or give the proxy another port: mv ") as string,
        expect.stringContaining("proxy.log") as string,
      ],
    });
    expect(await readFile(join(home, "logs", "proxy.log"), "utf8")).toContain("daemon.port-taken");
    other.close();
    await once(other, "close");
    await using again = await start();
    expect(await again.call("status", {})).toMatchObject({ port, sessions: 1 });
  });

  it("E takes another port for the one that is taken while no session has been given it, and keeps that", async () => {
    const { port, other } = await taken();
    const client = await start();
    const { port: next, processId } = await client.call("status", {});
    expect(next).not.toBe(port);
    // No connection to elsewhere is given one of these as its own end.
    expect([port, next].every((each) => each >= 18_100 && each < 18_600)).toBe(true);
    process.kill(processId, "SIGKILL");
    await client.ended;
    other.close();
    await using again = await start();
    expect(await again.call("status", {})).toMatchObject({ port: next });
  });

  /** A proxy that was killed, and whose port another program has. */
  async function taken(before?: (client: ProxyClient) => Promise<void>): Promise<{ port: number; other: Server }> {
    const client = await start();
    const { port, processId } = await client.call("status", {});
    await before?.(client);
    process.kill(processId, "SIGKILL");
    await expect.poll(() => isProcessRunning(processId), { timeout: 20_000 }).toBe(false);
    const other = createServer();
    // What is left of the killed process lets go of the port a moment later.
    const listens = async (): Promise<boolean> => {
      const listening = once(other, "listening").then(
        () => true,
        () => false,
      );
      other.listen(port, "127.0.0.1");
      return listening;
    };
    await expect.poll(listens, { timeout: 20_000 }).toBe(true);
    return { port, other };
  }
});
