/** Requests for another protocol as bytes; `TARGET` stands for the tunnel's host and port. */
export const webSocketKey = "dGhlIHNhbXBsZSBub25jZQ==";

/** The lines that ask for a WebSocket as RFC 6455 §4.1 wants it. */
export const webSocketLines: readonly string[] = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  `Sec-WebSocket-Key: ${webSocketKey}`,
  "Sec-WebSocket-Version: 13",
];

/** A request with these lines. */
export function upgradeRequest(lines: readonly string[], method = "GET"): string {
  return `${method} /ws HTTP/1.1\r\nHost: TARGET\r\n${lines.join("\r\n")}\r\n\r\n`;
}

const without = (name: string): readonly string[] => webSocketLines.filter((line) => !line.startsWith(name));

/** Name and request: other protocols, and WebSocket in another form. */
export const foreignUpgrades: readonly (readonly [name: string, request: string])[] = [
  ["h2c", upgradeRequest(["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"])],
  ["h2c and websocket", upgradeRequest([...without("Upgrade"), "Upgrade: websocket, h2c"])],
  ["another protocol", upgradeRequest(["Connection: Upgrade", "Upgrade: TLS/1.0"])],
  ["a body", `${upgradeRequest([...webSocketLines, "Content-Length: 5"])}hello`],
  ["chunks", `${upgradeRequest([...webSocketLines, "Transfer-Encoding: chunked"])}0\r\n\r\n`],
  ["a POST", upgradeRequest(webSocketLines, "POST")],
  ["HTTP/1.0", upgradeRequest(webSocketLines).replace("HTTP/1.1", "HTTP/1.0")],
  ["no key", upgradeRequest(without("Sec-WebSocket-Key"))],
  ["a short key", upgradeRequest([...without("Sec-WebSocket-Key"), "Sec-WebSocket-Key: abc"])],
  ["two keys", upgradeRequest([...webSocketLines, `Sec-WebSocket-Key: ${webSocketKey}`])],
  ["an old version", upgradeRequest([...without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 8"])],
  ["no version", upgradeRequest(without("Sec-WebSocket-Version"))],
  ["another host", upgradeRequest(webSocketLines).replace("TARGET", "evil.test")],
];
