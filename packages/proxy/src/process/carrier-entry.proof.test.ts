import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createCarrierClient } from "../carrier/create-carrier-client.ts";
import { readUntil } from "../transport/testing/test-proxy.fixture.ts";
import { openCarrier } from "./open-carrier.ts";
import type { CarrierOutcome, CarrierTask } from "./testing/carrier-program.fixture.ts";
import { openProxyWorld, worldSecret, worldTarget, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

const program = fileURLToPath(new URL("testing/carrier-program.fixture.ts", import.meta.url));
const longMs = 180_000;

let world: ProxyWorld;

beforeEach(async () => {
  world = await openProxyWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

async function runProgram(task: Partial<CarrierTask>): Promise<readonly CarrierOutcome[]> {
  const child = execFile(process.execPath, ["--conditions", "@clauderon/source", program]);
  const { ca } = await world.access();
  child.stdin?.end(JSON.stringify({ home: world.home, sessionId: "s1", target: worldTarget, ca, cuts: [], ...task }));
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as readonly CarrierOutcome[];
}

const event = (index: number): string => `data: event ${index} ${"x".repeat((index * 37) % 300)}\n\n`;
const chunk = (value: string): string => `${Buffer.byteLength(value).toString(16)}\r\n${value}\r\n`;

/** An event stream, paced by the loop so that carriers are cut in the middle of it. */
function answerEvents(): void {
  world.gateway.respond = ({ socket, text: request }) => {
    if (!request.endsWith("q".repeat(9000))) return;
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    let index = 0;
    const next = (): void => {
      socket.write(index === 60 ? "0\r\n\r\n" : chunk(event(index)));
      index += 1;
      if (index <= 60) setImmediate(next);
    };
    next();
  };
}

describe("carriers to the proxy's process", () => {
  it(
    "A1 a carrier that is cut anywhere in a conversation costs no byte of it",
    async () => {
      answerEvents();
      const [whole] = await runProgram({ cuts: [Number.MAX_SAFE_INTEGER] });
      expect(whole).toMatchObject({ status: "200", carriers: 1 });
      expect(world.gateway.text).toMatch(new RegExp(`x-api-key: ${worldSecret}`, "iu"));
      const { bytes = 0, hash } = whole ?? {};
      expect(bytes).toBeGreaterThan(15_000);
      const cuts = Array.from({ length: 200 }, (_, index) => Math.floor((index * bytes) / 200));
      const outcomes = await runProgram({ cuts });
      expect(outcomes.map(({ cut }) => cut).toSorted((left, right) => left - right)).toEqual(cuts);
      expect(outcomes.filter((outcome) => outcome.hash !== hash || outcome.status !== "200")).toEqual([]);
      // Those that were cut needed another.
      expect(outcomes.filter(({ carriers }) => carriers > 1).length).toBeGreaterThan(190);
    },
    longMs,
  );

  it("is who its maker says; one that nobody knows, and what is no carrier, is told so", async () => {
    await expect(openCarrier(world.home, "s1")).rejects.toMatchObject({ code: "session.not-found" });
    await expect(openCarrier(world.home, "__proto__")).rejects.toMatchObject({ code: "session.not-found" });
    await expect(openCarrier(world.root, "s1")).rejects.toMatchObject({ code: "daemon.unreachable" });
    const { carrierSocketPath } = await world.client.call("status", {});
    expect((await stat(carrierSocketPath)).mode & 0o777).toBe(0o600);
    for (const line of ["CONNECT x HTTP/1.1\r\n", "{}\n", "x".repeat(5000)]) {
      const socket = connect(carrierSocketPath);
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(line);
      expect((await readUntil(socket)).text).toContain("names its session");
    }
  });

  it("ends with its session and with the process, never cleanly", async () => {
    await world.access();
    const open = async (): Promise<{ readonly end: Promise<string> }> => {
      const client = createCarrierClient();
      await client.attach(await openCarrier(world.home, "s1"));
      const stream = client.openStream();
      stream.write(`CONNECT ${worldTarget} HTTP/1.1\r\nhost: ${worldTarget}\r\n\r\n`);
      await once(stream, "readable");
      expect(String(stream.read())).toContain("200 Connection Established");
      stream.resume();
      const end = new Promise<string>((fulfil) => {
        stream.once("end", () => fulfil("end"));
        stream.once("error", (error: Error) => fulfil(error.message));
      });
      return { end };
    };
    const first = await open();
    expect(await world.client.call("remove", { sessionId: "s1" })).toBe(true);
    expect(await first.end).toContain("has ended");
    await world.access();
    const second = await open();
    await world.client.call("stop", { whenIdle: false });
    expect(await second.end).not.toBe("end");
    expect(await readFile(`${world.home}/logs/proxy.log`, "utf8")).not.toContain('"level":"error"');
  });
});
