const servedByNode = "01 02 03 04 05 07 08 09 10 11 12 13 14 15 17 20 22 23 25".split(" ");

/** Cases that no implementation lets through, and why they are kept. */
export const harmless: ReadonlyMap<readonly string[], string> = new Map<readonly string[], string>([
  [
    ["P24-03"],
    "a proxy fails that gives the credential of a host to its plain port; the others were given none for this host",
  ],
  [["P25"], "a proxy fails that follows a redirect by itself"],
  [
    ["P40-30", "P40-33", "P40-50"],
    "a proxy fails that reads a body and writes it anew as something else; the relay writes what it got",
  ],
  [["P42-16", "P42-17", "P42-18"], "a proxy fails that decodes a target and sends it decoded"],
  [
    servedByNode.map((index) => `P46-${index}`),
    "the recorder behind HTTP/2 is a server of Node, which refuses them itself; a proxy fails that turns them into HTTP/1.1 or mends them",
  ],
]);
