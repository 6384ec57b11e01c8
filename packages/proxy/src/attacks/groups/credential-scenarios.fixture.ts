import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";

import {
  basic,
  connectThrough,
  isWholeAnswer,
  readUntil,
  tlsThrough,
} from "../../transport/testing/test-proxy.fixture.ts";
import type { ScenarioCase } from "../harness/attack-case.fixture.ts";
import { ruledHost, type AttackWorld } from "../harness/attack-world.fixture.ts";
import { canaries } from "../harness/planted-secrets.fixture.ts";

const target = `${ruledHost}:443`;
const extra = "extra";

async function statusOf(world: AttackWorld, authorization: string): Promise<string> {
  const { socket, answer } = await connectThrough({ port: world.subject.port, authorization }, { target });
  socket.destroy();
  return answer.slice(9, 12);
}

/** A session besides those of the world. */
async function addExtra(world: AttackWorld): Promise<string> {
  const { token } = await world.client.call("add", { identity: { ...world.identity("listed"), sessionId: extra } });
  return token;
}

async function ask(tls: TLSSocket, path = "/a"): Promise<string> {
  const read = readUntil(tls, isWholeAnswer);
  tls.write(`GET ${path} HTTP/1.1\r\nHost: ${ruledHost}\r\n\r\n`);
  return (await read).text;
}

/** Tokens that were right once, or for somebody else. */
export const identityScenarios: readonly ScenarioCase[] = [
  {
    what: "the token of a session that has ended",
    run: async (world) => {
      const token = await addExtra(world);
      const before = await statusOf(world, basic(extra, token));
      await world.client.call("remove", { sessionId: extra });
      const behind = await statusOf(world, basic(extra, token));
      return before === "200" && behind === "407" ? undefined : `${before} then ${behind}`;
    },
  },
  {
    what: "the token of a session that was given another",
    run: async (world) => {
      const old = await addExtra(world);
      const next = await addExtra(world);
      const statuses = [await statusOf(world, basic(extra, old)), await statusOf(world, basic(extra, next))];
      await world.client.call("remove", { sessionId: extra });
      return statuses.join() === "407,200" ? undefined : statuses.join();
    },
  },
  {
    what: "one session's token with another session's name",
    run: async (world) => {
      const token = await addExtra(world);
      const status = await statusOf(world, basic("open", token));
      await world.client.call("remove", { sessionId: extra });
      return status === "407" ? undefined : status;
    },
  },
  {
    what: "2,000 guesses: none fits, they are slowed down, and right tokens pass",
    run: async (world) => {
      const token = await addExtra(world);
      const statuses = new Set<string>();
      for (let index = 0; index < 2000; index += 50) {
        const guesses = Array.from({ length: 50 }, async () =>
          statusOf(world, basic(extra, randomBytes(32).toString("base64url"))),
        );
        for (const status of await Promise.all(guesses)) statuses.add(status);
      }
      const right = await statusOf(world, basic(extra, token));
      await world.client.call("remove", { sessionId: extra });
      const isHeld = [...statuses].toSorted().join() === "407,429" && right === "200";
      return isHeld ? undefined : `${[...statuses].join()} ${right}`;
    },
  },
];

/** One connection, and what is true of it changes. */
export const keptConnections: readonly ScenarioCase[] = [
  {
    what: "a second request for another host on the same connection",
    run: async (world) => {
      world.upstreams.clear();
      const { port, ca, authorization } = world.subject;
      const tls = await tlsThrough({ port, ca, authorization: authorization("listed") }, { target });
      const first = await ask(tls);
      const read = readUntil(tls, isWholeAnswer);
      tls.write("GET /b HTTP/1.1\r\nHost: evil.test\r\n\r\n");
      const { text } = await read;
      tls.destroy();
      if (world.upstreams.seen().includes("/b")) return "it reached the upstream";
      return first.startsWith("HTTP/1.1 200") && text.startsWith("HTTP/1.1 421") ? undefined : text.slice(0, 20);
    },
  },
  {
    what: "a session that loses its network while a connection is open",
    run: async (world) => {
      const token = await addExtra(world);
      const tls = await tlsThrough({ ...world.subject, authorization: basic(extra, token) }, { target });
      const first = await ask(tls);
      world.upstreams.clear();
      await world.client.call("update", { identity: { ...world.identity("none"), sessionId: extra } });
      const second = tls.destroyed ? "" : await ask(tls);
      tls.destroy();
      await world.client.call("remove", { sessionId: extra });
      if (world.upstreams.seen() !== "") return "the second request reached the upstream";
      return first.startsWith("HTTP/1.1 200") && !second.startsWith("HTTP/1.1 200") ? undefined : second.slice(0, 20);
    },
  },
  {
    what: "a session that ends while a connection is open",
    run: async (world) => {
      const token = await addExtra(world);
      const tls = await tlsThrough({ ...world.subject, authorization: basic(extra, token) }, { target });
      await ask(tls);
      world.upstreams.clear();
      const ended = readUntil(tls);
      await world.client.call("remove", { sessionId: extra });
      const { text } = await ended;
      return text === "" && world.upstreams.seen() === "" ? undefined : text.slice(0, 20);
    },
  },
  {
    what: "another session's connection to the same host gets nothing of the first one's",
    run: async (world) => {
      world.upstreams.clear();
      const { port, ca, authorization } = world.subject;
      const first = await tlsThrough({ port, ca, authorization: authorization("listed") }, { target });
      await ask(first, "/first");
      const second = await tlsThrough({ port, ca, authorization: authorization("read-only") }, { target });
      const read = readUntil(second, isWholeAnswer);
      second.write(`DELETE /v1/files/x HTTP/1.1\r\nHost: ${ruledHost}\r\n\r\n`);
      const { text } = await read;
      first.destroy();
      second.destroy();
      return text.startsWith("HTTP/1.1 403") && !world.upstreams.seen().includes("DELETE")
        ? undefined
        : text.slice(0, 20);
    },
  },
];

/** As editors do, so that nobody reads half a file. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** `proxy.toml` that is read again while requests run. */
export const reloadScenarios: readonly ScenarioCase[] = [
  {
    what: "150 requests during 20 reloads that give a host and its secret to another rule and back",
    run: async (world) => {
      world.upstreams.clear();
      const path = join(world.home, "proxy.toml");
      const before = await readFile(path, "utf8");
      const other = before.replace(
        'header = "Authorization", format = "Bearer {secret}"',
        'header = "X-Token", format = "{secret}"',
      );
      const { port, ca, authorization } = world.subject;
      const test = { port, ca, authorization: authorization("listed") };
      const sentry = "eu.sentry.example";
      const statuses = new Set<string>();
      const asking = async (): Promise<void> => {
        for (let index = 0; index < 50; index += 1) {
          const tls = await tlsThrough(test, { target: `${sentry}:443` });
          const read = readUntil(tls, isWholeAnswer);
          tls.write(`GET /api/0 HTTP/1.1\r\nHost: ${sentry}\r\nX-Token: own\r\nAuthorization: own\r\n\r\n`);
          statuses.add((await read).text.slice(9, 12));
          tls.destroy();
        }
      };
      const reloading = async (): Promise<void> => {
        for (let index = 0; index < 20; index += 1) {
          await replace(path, index % 2 === 0 ? other : before);
          await world.client.call("reload", {});
        }
      };
      await Promise.all([asking(), asking(), asking(), reloading()]);
      await replace(path, before);
      await world.client.call("reload", {});
      const requests = world.upstreams.gateway.text.split(/(?=GET \/api\/0 )/u).filter((text) => text !== "");
      const mixed = requests.filter(
        (text) => text.split(canaries.sentry).length !== 2 || /uthorization: own/u.test(text),
      );
      if (statuses.size !== 1) return [...statuses].join();
      return mixed.length === 0 && requests.length === 150
        ? undefined
        : `${mixed.length} of ${requests.length} were mixed`;
    },
  },
];
