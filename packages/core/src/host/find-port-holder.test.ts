import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { describePortHolder, findPortHolder, portHolderHint, type PortHolder } from "./find-port-holder.ts";

const hasProc = existsSync("/proc/net/tcp");
const own = { processId: process.pid, program: expect.any(String) as string };

test.skipIf(!hasProc)("a port is held by who listens there, or by a connection's own end", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect(port, "127.0.0.1");
  await once(client, "connect");
  expect(await findPortHolder(port)).toEqual({ ...own, isListening: true });
  expect(await findPortHolder(client.localPort ?? 0)).toEqual({ ...own, isListening: false });
  client.destroy();
  server.close();
  await once(server, "close");
  await expect.poll(async () => findPortHolder(port), { timeout: 20_000 }).toBeUndefined();
});

test.skipIf(!hasProc).each([
  ["127.0.0.9", undefined],
  ["0.0.0.0", true],
  ["127.0.0.1", true],
])("who listens at %s holds a port of 127.0.0.1: %s", async (address, isListening) => {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const holder = await findPortHolder(port);
  expect(holder).toEqual(isListening === undefined ? undefined : { ...own, isListening });
  server.close();
});

describe("as /proc tells it", () => {
  let proc: string;
  const port = 0x1f90;
  const number = (text: string): string =>
    endianness() === "LE" ? (text.match(/../gu) ?? []).reverse().join("") : text;
  const line = (address: string, inode: number, state = "0A"): string =>
    `   0: ${address}:1F90 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0 100 0 0 10 0`;
  const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), "clauderon-proc-"));
    await mkdir(join(proc, "net"));
  });
  afterEach(async () => {
    await rm(proc, { recursive: true, force: true });
  });

  const table = async (name: "tcp" | "tcp6", ...lines: readonly string[]): Promise<void> =>
    writeFile(join(proc, "net", name), `${[header, ...lines].join("\n")}\n`);
  const program = async (processId: number, name: string, links: Readonly<Record<string, string>>): Promise<void> => {
    await mkdir(join(proc, String(processId), "fd"), { recursive: true });
    await writeFile(join(proc, String(processId), "comm"), `${name}\n`);
    for (const [descriptor, target] of Object.entries(links))
      await symlink(target, join(proc, String(processId), "fd", descriptor));
  };
  const find = async (address?: "::1"): Promise<PortHolder | undefined> =>
    findPortHolder(port, { procDirectory: proc, address });

  test("a machine without IPv6", async () => {
    await table("tcp", line(number("7F000001"), 11));
    await program(7, "web", { "3": "socket:[11]" });
    expect(await find()).toEqual({ processId: 7, program: "web", isListening: true });
  });

  test("a descriptor that is gone when it is looked at hides no other", async () => {
    await table("tcp", line(number("7F000001"), 11));
    await program(7, "web", { "4": "socket:[11]" });
    // Nothing that can be read as a link, as of one that was closed.
    await writeFile(join(proc, "7", "fd", "3"), "");
    expect(await find()).toMatchObject({ processId: 7 });
  });

  test.each([
    ["tcp", "7F000009", []],
    ["tcp", "00000000", ["127.0.0.1"]],
    ["tcp6", "00000000000000000000FFFF7F000001", ["127.0.0.1"]],
    ["tcp6", "00000000000000000000000000000000", ["127.0.0.1", "::1"]],
    ["tcp6", "00000000000000000000000000000001", ["::1"]],
    ["tcp", "7F000001", ["127.0.0.1"]],
  ] as const)("%s at %s holds the port of %j", async (name, address, held) => {
    await table("tcp");
    await table(name, line((address.match(/.{8}/gu) ?? []).map(number).join(""), 11));
    await program(7, "web", { "3": "socket:[11]" });
    const found = [(await find()) && "127.0.0.1", (await find("::1")) && "::1"];
    expect(found.filter((each) => each !== undefined)).toEqual(held);
  });

  test("another clauderon is told with its home, a program with a log of the same name is none", async () => {
    await table("tcp", line(number("7F000001"), 11));
    const links = { "1": "/home/me/other/logs/proxy.log", "3": "socket:[11]" };
    await program(7, "clauderon-proxy", links);
    expect(await find()).toMatchObject({ processId: 7, home: "/home/me/other" });
    await rm(join(proc, "7"), { recursive: true });
    await program(8, "squid", links);
    expect(await find()).toEqual({ processId: 8, program: "squid", isListening: true });
    await rm(join(proc, "8"), { recursive: true });
    const home = join(proc, "home");
    await program(9, "MainThread", { "1": "/dev/null", "3": "socket:[11]", "20": join(home, "daemon.lock") });
    expect(await find()).toEqual({ processId: 9, program: "MainThread", isListening: true });
    await mkdir(join(home, "logs"), { recursive: true });
    await writeFile(join(home, "logs", "daemon.log"), "");
    expect(await find()).toMatchObject({ processId: 9, home });
  });
});

test("who it is, in words", () => {
  expect(describePortHolder({ processId: 7, program: "node", isListening: true })).toBe(
    "process 7 (node) listens there",
  );
  expect(describePortHolder({ processId: 7, isListening: false })).toBe("a connection of process 7 uses it");
  expect(describePortHolder({ isListening: true })).toBe("another user's process listens there");
  expect(describePortHolder({ processId: 7, program: "clauderon-proxy", isListening: true, home: "/h" })).toBe(
    "process 7 (clauderon-proxy), which serves the clauderon home /h, listens there",
  );
  expect(describePortHolder(undefined)).toBe("another program uses it");
});

test("what tells more", () => {
  expect(portHolderHint(3030, { processId: 7, isListening: true }, "linux")).toBeUndefined();
  expect(portHolderHint(3030, { isListening: true }, "linux")).toBe("sudo ss -tanp 'sport = :3030'");
  expect(portHolderHint(3030, undefined, "darwin")).toBe("lsof -nP -iTCP:3030 -sTCP:LISTEN");
});
