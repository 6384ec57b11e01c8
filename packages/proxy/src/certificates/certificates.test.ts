import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { promisify } from "node:util";

import { ClauderonError, type Clock } from "@clauderon/core/contract";
import { systemClock } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { addressBytes } from "./address-bytes.ts";
import { createAuthorityStore } from "./authority-store.ts";
import { authorityText, createAuthority, parseAuthorities } from "./authority.ts";
import { caBundle, publishFile, systemRoots } from "./ca-bundle.ts";
import { createLeafKey, mintLeaf } from "./leaf.ts";
import { SecureContexts } from "./secure-contexts.ts";
import { javaTrustStore } from "./trust-store.ts";

const run = promisify(execFile);
const dayMs = 24 * 60 * 60 * 1000;
const clockAt = (time: { ms: number }): Clock => ({ now: () => new Date(time.ms), monotonicMs: () => time.ms });
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "clauderon-ca-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});

async function verifyWithOpenssl(host: string): Promise<string> {
  const authority = createAuthority(new Date());
  const leaf = mintLeaf(authority, { host, key: createLeafKey(), now: new Date() });
  const [caPath, leafPath] = [join(directory, "ca.pem"), join(directory, "leaf.pem")];
  await writeFile(caPath, authority.certificatePem);
  await writeFile(leafPath, leaf.certificatePem);
  const check = /[:]|^\d+\.\d+\.\d+\.\d+$/u.test(host) ? "-verify_ip" : "-verify_hostname";
  const purpose = ["-purpose", "sslserver", check, host];
  const { stdout } = await run("openssl", ["verify", "-x509_strict", "-CAfile", caPath, ...purpose, leafPath]);
  const text = await run("openssl", ["x509", "-in", leafPath, "-noout", "-text"]);
  return stdout + text.stdout;
}

describe("leaves", () => {
  it.each(["api.example.com", "127.0.0.1", "2001:db8::1", "::ffff:192.0.2.1"])(
    "openssl takes the leaf of %s strictly",
    async (host) => {
      const text = await verifyWithOpenssl(host);
      expect(text).toContain("leaf.pem: OK");
      expect(text).toMatch(/Subject Alternative Name: critical/u);
      expect(text).toMatch(/Subject: *\n/u);
      expect(text).toContain("CA:FALSE");
    },
  );

  it("is valid for a week at most, from a day and an hour ago, and has its own positive serial of 128 bits", () => {
    const authority = createAuthority(new Date(Date.now() - 2 * dayMs));
    const key = createLeafKey();
    const now = new Date();
    const serials = new Set<string>();
    for (let count = 0; count < 200; count += 1) {
      const { certificatePem, notBefore, notAfter } = mintLeaf(authority, { host: "a.test", key, now });
      serials.add(certificatePem);
      expect(notAfter.getTime() - notBefore.getTime()).toBeLessThanOrEqual(7 * dayMs);
      expect(now.getTime() - notBefore.getTime()).toBe(25 * 60 * 60 * 1000);
    }
    expect(serials.size).toBe(200);
  });

  it("writes addresses as their bytes", () => {
    expect(addressBytes("192.0.2.7").toString("hex")).toBe("c0000207");
    expect(addressBytes("2001:db8::1").toString("hex")).toBe(`20010db8${"0".repeat(23)}1`);
    expect(addressBytes("::").toString("hex")).toBe("0".repeat(32));
    expect(addressBytes("::ffff:192.0.2.1").toString("hex")).toBe(`${"0".repeat(20)}ffffc0000201`);
  });
});

describe("contexts", () => {
  it("serves TLS that a client trusting the bundle takes, and resumes sessions", async () => {
    const authority = createAuthority(new Date());
    const contexts = new SecureContexts(authority, { clock: systemClock });
    const server = createServer({ SNICallback: (name, done) => done(null, contexts.get(name)) }, (socket) =>
      socket.end("x"),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const dial = async (session?: Buffer): Promise<TLSSocket> => {
      const socket = connect({
        port,
        host: "127.0.0.1",
        servername: "api.example.com",
        ca: caBundle([authority], systemRoots()),
        ...(session === undefined ? {} : { session }),
      });
      await once(socket, "secureConnect");
      return socket.resume();
    };
    const first = await dial();
    const [ticket] = await once(first, "session");
    const second = await dial(ticket as Buffer);
    expect(second.isSessionReused()).toBe(true);
    server.close();
  });

  it("keeps the most recently used, makes each once, and renews a leaf before it ends or when the clock went back", () => {
    const time = { ms: Date.now() };
    const contexts = new SecureContexts(createAuthority(new Date(time.ms)), { clock: clockAt(time), capacity: 2 });
    const first = contexts.get("a.test");
    const second = contexts.get("b.test");
    expect(contexts.get("a.test")).toBe(first);
    contexts.get("c.test");
    expect(contexts.size).toBe(2);
    expect(contexts.get("a.test")).toBe(first);
    expect(contexts.get("b.test")).not.toBe(second);
    const before = contexts.get("a.test");
    time.ms += 5 * dayMs;
    const renewed = contexts.get("a.test");
    expect(renewed).not.toBe(before);
    time.ms -= 7 * dayMs;
    expect(contexts.get("a.test")).not.toBe(renewed);
  });
});

describe("authority store", () => {
  const path = (): string => join(directory, "proxy", "authority.pem");
  const store = (): ReturnType<typeof createAuthorityStore> => createAuthorityStore(path(), systemClock);

  it("P60 makes one authority, 0600 in 0700, whatever the umask", async () => {
    for (const mask of [0o000, 0o022]) {
      const before = process.platform === "win32" ? 0 : mask;
      await rm(join(directory, "proxy"), { recursive: true, force: true, maxRetries: 10 });
      const { stdout } = await run(process.execPath, [
        "--conditions",
        "@clauderon/source",
        "--input-type=module",
        "-e",
        `process.umask(${before});
         const { createAuthorityStore } = await import(${JSON.stringify(new URL("authority-store.ts", import.meta.url).href)});
         const [first] = await createAuthorityStore(${JSON.stringify(path())}, { now: () => new Date(), monotonicMs: () => 0 }).load();
         process.stdout.write(first.id);`,
      ]);
      expect((await stat(path())).mode & 0o777).toBe(0o600);
      expect((await stat(join(directory, "proxy"))).mode & 0o777).toBe(0o700);
      expect((await store().load())[0].id).toBe(stdout);
    }
  });

  it("gives everyone the same authority when many create it at once, and leaves nothing else", async () => {
    const all = await Promise.all(Array.from({ length: 12 }, async () => store().load()));
    expect(new Set(all.map(([first]) => first.id)).size).toBe(1);
    expect(await readdir(join(directory, "proxy"))).toEqual(["authority.pem"]);
  });

  it("removes keys that a killed process left beside it", async () => {
    await store().load();
    await rm(path());
    const stale = join(directory, "proxy", ".authority-left");
    await writeFile(stale, "key", { mode: 0o600 });
    await utimes(stale, new Date(0), new Date(0));
    await store().load();
    expect(await readdir(join(directory, "proxy"))).toEqual(["authority.pem"]);
  });

  it("rotates with an overlap: the new one first, the old ones until nobody needs them", async () => {
    const [old] = await store().load();
    const [current, previous] = await store().rotate();
    expect(previous?.id).toBe(old.id);
    expect(current.id).not.toBe(old.id);
    expect((await store().retire(new Set([old.id]))).map(({ id }) => id)).toEqual([current.id, old.id]);
    expect((await store().retire(new Set())).map(({ id }) => id)).toEqual([current.id]);
  });

  const other = createAuthority(new Date());
  it.each<[string, string, (text: string) => string]>([
    ["half written", "cut off", (text) => text.slice(0, text.length / 2)],
    ["empty", "empty", () => ""],
    ["with a foreign end", "something else", (text) => `${text}x`],
    [
      "with another's key",
      "does not belong",
      (text) => authorityText(other).split("-----BEGIN CERT")[0]! + text.slice(text.indexOf("-----BEGIN CERT")),
    ],
    ["expired", "expired", () => authorityText(createAuthority(new Date(Date.now() - 4000 * dayMs)))],
    ["from the future", "clock", () => authorityText(createAuthority(new Date(Date.now() + 3 * dayMs)))],
  ])("E refuses a file that is %s and names the fix", async (_name, reason, damage) => {
    await store().load();
    await writeFile(path(), damage(await readFile(path(), "utf8")));
    const error = await store()
      .load()
      .catch((caught: unknown) => caught);
    expect(ClauderonError.isInstance(error, "settings.invalid")).toBe(true);
    expect((error as ClauderonError).why).toContain(reason);
    expect((error as ClauderonError).fix.join(" ")).toContain("move it away");
  });

  it("refuses a key that others may read, a link, and an open directory", async () => {
    await store().load();
    await chmod(path(), 0o640);
    await expect(store().load()).rejects.toMatchObject({ fix: expect.arrayContaining([`chmod 600 ${path()}`]) });
    await rm(path());
    await symlink("/dev/null", path());
    await expect(store().load()).rejects.toMatchObject({ why: "it is a symbolic link" });
    await rm(path());
    await chmod(join(directory, "proxy"), 0o755);
    await expect(store().load()).rejects.toMatchObject({ fix: [`chmod 700 ${join(directory, "proxy")}`] });
  });

  it("takes a clock that is a day off either way", async () => {
    const time = { ms: Date.now() };
    const made = createAuthorityStore(path(), clockAt(time));
    await made.load();
    time.ms -= dayMs - 1000;
    await made.load();
    time.ms += 2 * dayMs;
    expect(parseAuthorities(await readFile(path(), "utf8"), new Date(time.ms))).toHaveLength(1);
  });
});

describe("bundle", () => {
  it("has our authority first, and every other root", async () => {
    const authority = createAuthority(new Date());
    const roots = systemRoots();
    const text = caBundle([authority], roots);
    await publishFile(join(directory, "ca.pem"), Buffer.from(text));
    const written = await readFile(join(directory, "ca.pem"), "utf8");
    expect(written.startsWith(authority.certificatePem)).toBe(true);
    expect(written.match(/BEGIN CERTIFICATE/gu)).toHaveLength(roots.length + 1);
    expect((await stat(join(directory, "ca.pem"))).mode & 0o777).toBe(0o644);
    expect(written).not.toContain("PRIVATE KEY");
  });

  it("is also a trust store that openssl reads whole", async () => {
    const authority = createAuthority(new Date());
    const roots = systemRoots().slice(0, 3);
    const store = join(directory, "trust.p12");
    await writeFile(store, await javaTrustStore([authority.certificatePem, ...roots]));
    const { stdout } = await run("openssl", ["pkcs12", "-in", store, "-nokeys", "-passin", "pass:changeit"]);
    expect(stdout.match(/BEGIN CERTIFICATE/gu)).toHaveLength(4);
    expect(stdout).toContain(authority.certificatePem.trim());
  });
});
