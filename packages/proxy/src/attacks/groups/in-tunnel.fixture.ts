import type { WireCase } from "../harness/attack-case.fixture.ts";

/** What a request carries besides its first line and Host. */
export interface RequestExtras {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request of an `https://` URL, inside a tunnel to its host. */
export function inTunnel(
  method: string,
  url: string,
  { headers = {}, body = "" }: RequestExtras = {},
): Pick<WireCase, "target" | "send"> & { readonly way: "tunnel" } {
  const parts = /^https:\/\/(?<host>[^/]+)(?<path>\/.*)$/u.exec(url)?.groups;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = /^(?:GET|HEAD|OPTIONS)$/u.test(method) ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return {
    way: "tunnel",
    target: `${parts?.["host"] ?? ""}:443`,
    send: `${method} ${parts?.["path"] ?? "/"} HTTP/1.1\r\nHost: TARGET\r\n${lines.join("")}${length}\r\n${body}`,
  };
}
