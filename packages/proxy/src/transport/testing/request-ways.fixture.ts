import { upgradeRequest, webSocketLines } from "../../attacks/tables/upgrades.fixture.ts";

const largeBody = "x".repeat(200_000);

/** One request by every way that they go: at once, with its body, with a body that streams, to Node's parser, as a WebSocket. */
export const requestWays: Readonly<Record<string, (target: string, path: string) => string>> = {
  plain: (target, path) => `GET ${path} HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
  "with a body": (target, path) => `POST ${path} HTTP/1.1\r\nHost: ${target}\r\nContent-Length: 4\r\n\r\nbody`,
  "with a long body": (target, path) =>
    `POST ${path} HTTP/1.1\r\nHost: ${target}\r\nContent-Length: ${largeBody.length}\r\n\r\n${largeBody}`,
  "of Node's parser": (target, path) => `OPTIONS ${path} HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
  "for a WebSocket": (target, path) =>
    upgradeRequest(webSocketLines)
      .replaceAll("TARGET", target)
      .replace(/^GET \S+/u, `GET ${path}`),
};

/** Whether what came over a connection ends with a whole one of them. */
export function isWholeWay(text: string): boolean {
  const end = text.lastIndexOf("\r\n\r\n");
  if (end === -1) return false;
  const head = text.slice(text.lastIndexOf(" HTTP/1.1", end), end);
  const size = /\r\ncontent-length: (?<size>\d+)/iu.exec(head)?.groups?.["size"] ?? "0";
  return text.length === end + 4 + Number(size);
}
