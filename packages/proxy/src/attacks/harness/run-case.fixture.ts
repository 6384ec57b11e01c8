import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { flag, frame, FrameClient, frameType, headerBlock } from "../../transport/testing/http2-frames.fixture.ts";
import { dial, isWholeAnswer } from "../../transport/testing/test-proxy.fixture.ts";
import type { WireCase } from "./attack-case.fixture.ts";
import type { AttackUpstreams } from "./attack-upstreams.fixture.ts";
import { http2Host, ruledHost, type Subject } from "./attack-world.fixture.ts";
import { scanAnswer } from "./canary-scan.fixture.ts";
import { canaries } from "./planted-secrets.fixture.ts";

export interface CaseOutcome {
  /** What the attack reached; absent = it was held. */
  readonly through: string | undefined;
  /** The status and the refusal's code, as the client saw them. */
  readonly seen: string;
  /** Every byte that the client got. */
  readonly bytes: Buffer;
}

/** Sends what the case says to a proxy, and tells by what came at the upstreams and at the client whether it got through. */
export async function runCase(
  attack: WireCase,
  { subject, upstreams }: { readonly subject: Subject; readonly upstreams: AttackUpstreams },
): Promise<CaseOutcome> {
  upstreams.clear();
  if (attack.answer !== undefined) upstreams.gateway.respond = answering(attack.answer);
  const outcomeOf = (bytes: Buffer): CaseOutcome => {
    const seen = summary(bytes);
    return { through: whatGotThrough(attack, { bytes, seen, upstreams }), seen, bytes };
  };
  return outcomeOf(await send(attack, { subject, isOver: (bytes) => outcomeOf(bytes).through !== undefined }));
}

function answering(parts: readonly (string | Buffer)[]): AttackUpstreams["gateway"]["respond"] {
  return ({ socket, text }) => {
    if (!text.includes("\r\n\r\n")) return;
    let at = 0;
    const next = (): void => {
      const part = parts[at];
      at += 1;
      if (part === undefined) socket.end();
      else socket.write(part, () => setImmediate(next));
    };
    next();
  };
}

/** So much of a secret makes the rest easier to guess. */
const tellingLength = 16;

function whatGotThrough(
  attack: WireCase,
  { bytes, seen, upstreams }: { readonly bytes: Buffer; readonly seen: string; readonly upstreams: AttackUpstreams },
): string | undefined {
  const leaked = Object.entries(canaries).flatMap(([name, secret]) => {
    // All web tokens begin alike.
    const isTelling = !secret.startsWith("eyJ") && bytes.includes(secret.slice(0, tellingLength));
    const beginning = isTelling ? ["its beginning"] : [];
    return [...scanAnswer(bytes, secret), ...beginning].map(
      (form) => `the client saw the credential ${name} (${form})`,
    );
  });
  if (leaked.length > 0) return leaked.join(", ");
  const reached = upstreams.seen({ withLate: attack.never !== undefined });
  if (upstreams.evil.text !== "") return `the attacker's host was reached: ${firstLine(upstreams.evil.text)}`;
  if (attack.never !== undefined) {
    const trace = attack.never.exec(reached)?.[0];
    return trace === undefined ? undefined : `the upstream saw ${JSON.stringify(trace)}`;
  }
  if (reached !== "") return `the upstream was reached: ${firstLine(reached)}`;
  // A proxy that fails to connect has tried to.
  const isTried = attack.way === "connect" && /^(?:200 then (?:[25]|opened)|50[0234])/u.test(seen);
  return isTried ? `a connection was tried: ${seen}` : undefined;
}

function firstLine(text: string): string {
  return JSON.stringify(text.slice(0, 200).split("\r\n")[0]);
}

/** `403 host-not-allowed`; what came inside a tunnel stands behind `then`. */
function summary(bytes: Buffer): string {
  const text = bytes.toString("latin1");
  if (text === "" || text.startsWith("h2 ")) return text || "closed";
  const heads = text.split(/(?=HTTP\/1\.[01] \d{3})/u).flatMap((part) => {
    const status = /^HTTP\/1\.[01] (?<status>\d{3})/u.exec(part)?.groups?.["status"];
    const code = /\r\nclauderon-refusal: (?<code>[\w-]+)/iu.exec(part)?.groups?.["code"];
    return status === undefined ? [] : [code === undefined ? status : `${status} ${code}`];
  });
  return heads.length === 0 ? "no HTTP" : heads.join(" then ");
}

interface Sending {
  readonly subject: Subject;
  /** Nothing more has to be waited for. */
  readonly isOver: (bytes: Buffer) => boolean;
}

async function send(attack: WireCase, { subject, isOver }: Sending): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const got: Buffer[] = [];
  const sockets: { destroy(): unknown }[] = [];
  const deadline = performance.now() + subject.patienceMs;
  const timer = setInterval(() => {
    if (performance.now() > deadline || (subject.isPeer === true && isOver(Buffer.concat(got)))) resolve(undefined);
  }, 10);
  try {
    await Promise.race([promise, act({ attack, subject, got, sockets }).catch(() => undefined)]);
  } finally {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  }
  return Buffer.concat(got);
}

interface Acting {
  readonly attack: WireCase;
  readonly subject: Subject;
  /** What the client got so far. */
  readonly got: Buffer[];
  /** To be ended with the case. */
  readonly sockets: { destroy(): unknown }[];
}

async function act(acting: Acting): Promise<void> {
  const { attack, subject, got, sockets } = acting;
  const { session = "listed", way } = attack;
  const authorization = subject.authorization(session);
  if (way === "http2") return actHttp2(acting);
  const socket = await dial(subject.port);
  sockets.push(socket);
  const identityLine = authorization === "" ? "" : `Proxy-Authorization: ${authorization}\r\n`;
  if (way === "proxy") {
    socket.write(bytesOf((attack.send ?? "").replaceAll("AUTH", identityLine)));
    await collect(socket, got, (text) => isAnswered(text, attack.sees));
    return undefined;
  }
  const target = attack.target ?? `${ruledHost}:443`;
  socket.write(bytesOf(`CONNECT ${target} HTTP/1.1\r\nHost: proxy.test\r\n${identityLine}\r\n`));
  await collect(socket, got, (text) => text.startsWith("HTTP/1.1 200") && text.includes("\r\n\r\n"));
  if (!Buffer.concat(got).toString("latin1").startsWith("HTTP/1.1 200")) return undefined;
  const host = target.replace(/:\d*$/u, "").replace(/\.$/u, "");
  const tls = await secure(socket, attack.serverName ?? host, subject);
  sockets.push(tls);
  // What counts from here on is what comes inside.
  if (way === "tunnel") got.length = 0;
  const message = attack.send ?? `GET / HTTP/1.1\r\nHost: TARGET\r\n\r\n`;
  tls.write(bytesOf(message.replaceAll("TARGET", host)));
  const before = got.length;
  await collect(tls, got, () => isAnswered(Buffer.concat(got.slice(before)).toString("latin1"), attack.sees));
  return undefined;
}

/** Letters beyond Latin-1 go out as UTF-8. */
function bytesOf(text: string): Buffer {
  // oxlint-disable-next-line no-control-regex -- Latin-1 is what is asked for
  return Buffer.from(text, /^[\u0000-\u00ff]*$/u.test(text) ? "latin1" : "utf8");
}

async function secure(socket: Socket, servername: string, { ca }: Subject): Promise<TLSSocket> {
  const isName = /^[a-z0-9_.-]*[a-z][a-z0-9_.-]*$/iu.test(servername);
  const tls = connectTls({
    socket,
    ca,
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
    ...(isName ? { servername } : {}),
  });
  // A connection that breaks off is an outcome.
  tls.on("error", () => undefined);
  await Promise.race([once(tls, "secureConnect"), once(tls, "close")]);
  if (tls.destroyed) throw new Error("no TLS");
  return tls;
}

const longAnswer = 256 * 1024;

/** Reads to the end, or until it is enough. */
async function collect(socket: Socket, got: Buffer[], isEnough: (text: string) => boolean): Promise<void> {
  await new Promise<void>((fulfil) => {
    const done = (): void => {
      socket.off("data", take);
      socket.pause();
      fulfil();
    };
    let size = 0;
    const take = (chunk: Buffer): void => {
      got.push(chunk);
      size += chunk.length;
      // What is long is read to its end.
      if (size < longAnswer && isEnough(Buffer.concat(got).toString("latin1"))) done();
    };
    socket.on("data", take).once("end", done).once("close", done).once("error", done);
    socket.resume();
    if (socket.destroyed || socket.readableEnded) done();
  });
}

/** As many whole answers as the case expects. A `400` and a `421` end the connection: what comes behind them would be one too many. */
function isAnswered(text: string, sees: WireCase["sees"]): boolean {
  const answers = text.split(/(?=HTTP\/1\.[01] \d{3})/u).filter((part) => !/^HTTP\/1\.[01] 1/u.test(part));
  const last = answers.at(-1) ?? "";
  const wanted = typeof sees === "string" ? sees.split(" then ").length : 1;
  if (answers.length < wanted || /^HTTP\/1\.[01] 4(?:00|21)/u.test(last)) return false;
  return isWholeAnswer(last) || (/transfer-encoding: chunked/iu.test(last) && /\r\n0\r\n(?:.*\r\n)*\r\n$/u.test(last));
}

async function actHttp2({ attack, subject, got, sockets }: Acting): Promise<void> {
  const { port, ca } = subject;
  const authorization = subject.authorization(attack.session ?? "listed");
  const client = await FrameClient.open({ port, ca, authorization, isUnverified: true }, `${http2Host}:443`);
  sockets.push({ destroy: () => client.close() });
  const lines = (attack.lines ?? []).map(
    ([name, value]) => [name, value.replaceAll("TARGET", http2Host)] as readonly [string, string],
  );
  const flags = flag.endHeaders | flag.endStream;
  client.send(frame(frameType.headers, { flags, streamId: 1 }, headerBlock(lines)));
  const outcome = (): string | undefined => {
    const { frames } = client;
    const own = frames.find(({ type, streamId }) => streamId === 1 && type <= frameType.reset);
    if (own !== undefined) return own.type === frameType.reset ? "h2 reset" : "h2 answered";
    return client.isClosed || frames.some(({ type }) => type === frameType.goAway) ? "h2 closed" : undefined;
  };
  await client.until(() => outcome() !== undefined);
  got.push(Buffer.from(outcome() ?? ""));
}
