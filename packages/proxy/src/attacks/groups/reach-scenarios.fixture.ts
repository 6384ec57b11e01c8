import { networkInterfaces } from "node:os";

import { createAddressPolicy } from "../../policy/address-policy.ts";
import { parseAddress } from "../../policy/address.ts";
import { startRecordingUpstream } from "../../transport/testing/recording-upstream.fixture.ts";
import { connectThrough, startTestProxy, type TestProxy } from "../../transport/testing/test-proxy.fixture.ts";
import type { ScenarioCase } from "../harness/attack-case.fixture.ts";
import type { AttackWorld } from "../harness/attack-world.fixture.ts";
import { runCase } from "../harness/run-case.fixture.ts";

async function connectAs(world: AttackWorld, target: string): Promise<string | undefined> {
  const outcome = await runCase({ what: "", way: "connect", session: "wide", target, sees: "403" }, world);
  if (outcome.through !== undefined) return outcome.through;
  return outcome.seen.startsWith("403 address-denied") ? undefined : `${target} was answered ${outcome.seen}`;
}

async function firstThrough(world: AttackWorld, targets: readonly string[]): Promise<string | undefined> {
  for (const target of targets) {
    const through = await connectAs(world, target);
    if (through !== undefined) return through;
  }
  return undefined;
}

/** As a target writes them. */
function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return [...new Set(all.flatMap(({ address }) => parseAddress(address)?.text ?? []))].map((address) =>
    address.includes(":") ? `[${address}]` : address,
  );
}

/** With everything opened that an entry can open, how each target is answered. */
async function reachWith(
  world: AttackWorld,
  { allow, targets }: { readonly allow: readonly string[]; readonly targets: readonly string[] },
): Promise<string | undefined> {
  const identity = world.identity("wide");
  await world.client.call("update", { identity: { ...identity, policy: { ...identity.policy, allow } } });
  try {
    return await firstThrough(world, targets);
  } finally {
    await world.client.call("update", { identity });
  }
}

/** A port of the daemon, on which a recorder listens, and one of another service. */
export const servicesOfThisMachine: readonly ScenarioCase[] = [
  {
    what: "the daemon's port on loopback, in a session that has exactly it allowed",
    run: async (world) => {
      const { port } = world.upstreams.inside;
      const targets = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"].map((address) => `${address}:${port}`);
      return reachWith(world, { allow: targets, targets });
    },
  },
  {
    what: "the daemon's port at every address of this machine's interfaces, each of them allowed",
    run: async (world) => {
      const targets = ownAddresses().map((address) => `${address}:${world.upstreams.inside.port}`);
      return reachWith(world, { allow: targets, targets });
    },
  },
  {
    what: "a service of this machine at every address, in a session whose ranges hold them all",
    run: async (world) => {
      await using other = await startRecordingUpstream({ isPlain: true });
      const targets = [...ownAddresses(), "0.0.0.0", "[::]"].map((address) => `${address}:${other.port}`);
      const allow = [`0.0.0.0/0:${other.port}`, `[::]/0:${other.port}`];
      const through = await reachWith(world, { allow, targets });
      return through ?? (other.connections.length > 0 ? "a service of this machine was reached" : undefined);
    },
  },
];

/** CONNECT to the proxy itself. */
export const loops: readonly ScenarioCase[] = ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "0.0.0.0", "localhost"].map(
  (host) => ({
    what: `CONNECT ${host} at the proxy's own port`,
    run: async (world) => {
      const outcome = await runCase(
        { what: "", way: "connect", session: "wide", target: `${host}:${world.subject.port}`, sees: "403" },
        world,
      );
      return outcome.seen.startsWith("403") ? undefined : outcome.seen;
    },
  }),
);

const addressPolicy = createAddressPolicy({ ownAddresses: () => new Set() });

/** A proxy whose names lead where the attacker says, and whose addresses are judged as ever. */
async function proxyWith(resolve: (host: string) => readonly string[]): Promise<TestProxy> {
  return startTestProxy({
    upstream: {
      resolve: async (host) => resolve(host),
      checkAddresses: (addresses, { target }) => addressPolicy.checkAll(addresses, { port: target.port }),
    },
  });
}

/** Whether any of the tries got to the recorder on loopback. */
async function rebind(tries: number, resolve: (turn: number) => readonly string[]): Promise<string | undefined> {
  await using inside = await startRecordingUpstream({ isPlain: true });
  let turn = 0;
  await using proxy = await proxyWith(() => {
    turn += 1;
    return resolve(turn);
  });
  for (let index = 0; index < tries; index += 1) {
    const { socket, answer } = await connectThrough(proxy, { target: `tunnel.test:${inside.port}` });
    socket.destroy();
    if (!answer.startsWith("HTTP/1.1 403")) return `try ${index}: ${answer.slice(0, 40)}`;
  }
  return inside.connections.length > 0 ? "loopback was reached" : undefined;
}

/** Names that answer differently each time, or with several addresses. */
export const namesThatMove: readonly ScenarioCase[] = [
  { what: "loopback alone, 1,000 tries", run: async () => rebind(1000, () => ["127.0.0.1"]) },
  { what: "public and loopback in one answer", run: async () => rebind(20, () => ["1.1.1.1", "127.0.0.1"]) },
  { what: "loopback first", run: async () => rebind(20, () => ["127.0.0.1", "1.1.1.1"]) },
  { what: "A public, AAAA loopback", run: async () => rebind(20, () => ["1.1.1.1", "::1"]) },
  { what: "AAAA that maps loopback", run: async () => rebind(20, () => ["::ffff:127.0.0.1"]) },
  { what: "AAAA of NAT64 that holds loopback", run: async () => rebind(20, () => ["64:ff9b::7f00:1"]) },
  { what: "the metadata service", run: async () => rebind(20, () => ["169.254.169.254"]) },
  { what: "0.0.0.0", run: async () => rebind(20, () => ["0.0.0.0"]) },
  {
    what: "loopback with each answer in another place",
    run: async () => rebind(200, (turn) => (turn % 2 === 0 ? ["9.9.9.9", "::1"] : ["::1", "9.9.9.9"])),
  },
];

/** Names of hosts that are refused, at a proxy that writes down every name it asks for. */
export const unaskedNames: readonly ScenarioCase[] = [
  "c2VjcmV0.evil.test:443",
  "evil.test:443",
  "evil.test:53",
  "a.b.c.d.e.f.evil.test:80",
].map((target) => ({
  what: `CONNECT ${target}`,
  run: async () => {
    const asked: string[] = [];
    await using proxy = await proxyWith((host) => {
      asked.push(host);
      return ["127.0.0.1"];
    });
    const { socket, answer } = await connectThrough(proxy, { target });
    socket.destroy();
    return asked.length === 0 && answer.startsWith("HTTP/1.1 403")
      ? undefined
      : `${answer.slice(0, 20)} ${asked.join()}`;
  },
}));
