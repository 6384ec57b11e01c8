import { connect } from "node:net";

export interface RawAnswer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly text: string;
  /** Whether the server freed the socket within the deadline. */
  readonly isClosed: boolean;
}

export interface RawOptions {
  readonly port: number;
  readonly host?: string;
  readonly deadlineMs?: number;
  /** Resolve as soon as the head of an answer is there. */
  readonly untilHead?: boolean;
}

/** Writes bytes to the port as they are, and reads until the server closes (or the deadline). */
export function rawRequest(bytes: string | Uint8Array, options: RawOptions): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ port: options.port, host: options.host ?? "127.0.0.1" });
    let text = "";
    const done = (isClosed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text, isClosed });
    };
    const timer = setTimeout(() => done(false), options.deadlineMs ?? 30_000);
    socket.on("connect", () => socket.write(bytes));
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (options.untilHead === true && text.includes("\r\n\r\n")) done(false);
    });
    socket.on("error", () => done(true));
    socket.on("close", () => done(true));
  });
}

/** A request's text; header names are written as given, in the order given. */
export function head(line: string, headers: readonly (readonly [string, string])[], body = ""): string {
  const length: readonly (readonly [string, string])[] =
    body === "" ? [] : [["Content-Length", String(Buffer.byteLength(body))]];
  return `${[`${line} HTTP/1.1`, ...[...headers, ...length].map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n${body}`;
}
