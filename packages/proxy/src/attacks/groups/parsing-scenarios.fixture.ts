import type { Socket } from "node:net";

import { FrameClient, frameType } from "../../transport/testing/http2-frames.fixture.ts";
import { answerHello } from "../../transport/testing/http2-upstream.fixture.ts";
import {
  connectThrough,
  dial,
  isWholeAnswer,
  readUntil,
  tlsThrough,
} from "../../transport/testing/test-proxy.fixture.ts";
import type { ScenarioCase } from "../harness/attack-case.fixture.ts";
import { latePath } from "../harness/attack-upstreams.fixture.ts";
import { http2Host, ruledHost, type AttackWorld } from "../harness/attack-world.fixture.ts";
import { hpackBomb, http2Floods } from "../tables/http2-floods.fixture.ts";
import { goodRequest, type Line } from "../tables/http2.fixture.ts";

const target = `${ruledHost}:443`;

interface Access {
  readonly port: number;
  readonly ca: string;
  readonly authorization: string;
}

function access({ subject: { port, ca, authorization } }: AttackWorld): Access {
  return { port, ca, authorization: authorization("open") };
}

/** Another client is served meanwhile. */
async function isServing(world: AttackWorld): Promise<boolean> {
  const tls = await tlsThrough(access(world), { target });
  const read = readUntil(tls, isWholeAnswer);
  tls.write(`GET /alive HTTP/1.1\r\nHost: ${ruledHost}\r\n\r\n`);
  const { text } = await read;
  tls.destroy();
  return text.startsWith("HTTP/1.1 200");
}

type Slow = (world: AttackWorld) => Promise<Socket>;

const slow: Readonly<Record<string, Slow>> = {
  "a head that drips inside a tunnel": async (world) => {
    const tls = await tlsThrough(access(world), { target });
    tls.write(`GET / HTTP/1.1\r\nHost: ${ruledHost}\r\nX-Slow: `);
    return tls;
  },
  "a head that drips at the proxy's own port": async (world) => {
    const socket = await dial(world.subject.port);
    socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: api`);
    return socket;
  },
  "a TLS handshake that stalls": async (world) => {
    const { socket } = await connectThrough(access(world), { target });
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    return socket;
  },
  "a tunnel in which nothing is said": async (world) => {
    const { socket } = await connectThrough(access(world), { target });
    return socket;
  },
};

const ends = new WeakMap<AttackWorld, ReadonlyMap<string, Promise<boolean>>>();

/** Opens the slow connections, so that their limits pass while others are tried. */
export async function beginSlowClients(world: AttackWorld): Promise<void> {
  const begun = new Map<string, Promise<boolean>>();
  for (const [what, open] of Object.entries(slow)) {
    const socket = await open(world);
    begun.set(what, hasEnded(socket));
  }
  ends.set(world, begun);
}

async function hasEnded(socket: Socket): Promise<boolean> {
  const timer = setTimeout(() => socket.destroy(new Error("still open")), 25_000);
  const { error } = await readUntil(socket);
  clearTimeout(timer);
  socket.destroy();
  return error?.message !== "still open";
}

/** Clients that hold a connection and say nothing more. */
export const slowClients: readonly ScenarioCase[] = Object.keys(slow).map((what) => ({
  what,
  run: async (world) => {
    if (!(await isServing(world))) return "others are not served";
    return (await ends.get(world)?.get(what)) === true ? undefined : "still open after 25 s";
  },
}));

/** A request at a path of its own: what of a flood comes late is not counted with the next. */
const goodAt = (path: string): readonly Line[] =>
  goodRequest.map(([name, value]) => [name, name === ":path" ? path : value.replaceAll("TARGET", http2Host)]);
const kinds = Object.keys(http2Floods([])) as readonly (keyof ReturnType<typeof http2Floods>)[];
const pathOf = (kind: string): string => `${latePath}/${kind}`;
const reachedAt = ({ upstreams }: AttackWorld, path: string): number =>
  upstreams.http2.calls.filter(({ headers }) => headers[":path"] === path).length;

/** Floods at the proxy, with what reached the upstream bounded and another client served. */
export const floods: readonly ScenarioCase[] = [
  ...kinds.map((kind) => ({
    what: http2Floods([])[kind].name,
    run: async (world: AttackWorld) => {
      const { http2 } = world.upstreams;
      const flood = http2Floods(goodAt(pathOf(kind)))[kind];
      world.upstreams.clear();
      // An answered stream makes room for another: what is open at once is counted.
      http2.respond = () => undefined;
      const client = await FrameClient.open(access(world), `${http2Host}:443`);
      const isOver = (): boolean => client.isClosed || client.frames.some(({ type }) => type === frameType.goAway);
      for (let index = 0; index < flood.most && !client.isClosed; index += 1)
        if (!client.send(flood.piece(index))) await client.drained();
      await client.until(isOver);
      client.close();
      const reached = reachedAt(world, pathOf(kind));
      http2.respond = answerHello;
      const limit = kind === "rapidReset" ? 1000 : 100;
      if (reached > limit) return `${reached} requests reached the upstream`;
      return (await isServing(world)) ? undefined : "others are not served";
    },
  })),
  {
    what: "HPACK bomb",
    run: async (world) => {
      world.upstreams.clear();
      const client = await FrameClient.open(access(world), `${http2Host}:443`);
      client.send(hpackBomb(goodAt(pathOf("bomb"))));
      await client.until(() => client.frames.some(({ type, streamId }) => streamId === 1 || type === frameType.goAway));
      client.close();
      return reachedAt(world, pathOf("bomb")) === 0 ? undefined : "the unfolded head reached the upstream";
    },
  },
];
