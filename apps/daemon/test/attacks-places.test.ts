import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import path from "node:path";

import { silentLogger } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import { readOrCreateToken } from "../src/security/token-file.ts";
import { attackedDaemon } from "./attack.ts";

const daemon = attackedDaemon();

describe("D06: only loopback listens", () => {
  test("no other address of this machine answers", async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter((entry) => !entry.internal)
      .map((entry) => (entry.family === "IPv6" && entry.scopeid !== 0 ? undefined : entry.address))
      .filter((address) => address !== undefined);
    for (const address of [...others, "127.0.0.2"]) {
      expect([address, await isListening(address, daemon.rig.port)]).toEqual([address, false]);
    }
    expect(await isListening("127.0.0.1", daemon.rig.port)).toBe(true);
  });
});

describe("D17: names that somebody else made first", () => {
  test("a token that is a link is refused, and its target is not touched", async () => {
    const home = mkdtempSync(path.join(daemon.rig.root, "home-"));
    const target = path.join(home, "target");
    writeFileSync(target, "precious");
    symlinkSync(target, path.join(home, "token"));
    await expect(readOrCreateToken(home, silentLogger)).rejects.toMatchObject({ code: "path.refused" });
    expect(readFileSync(target, "utf8")).toBe("precious");
  });
});

function isListening(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.setTimeout(2000, () => socket.destroy());
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
  });
}
