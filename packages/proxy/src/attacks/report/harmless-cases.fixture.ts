/** Cases that no implementation lets through, and why they are kept. */
export const harmless: ReadonlyMap<readonly string[], string> = new Map<readonly string[], string>([
  [["P25"], "a proxy fails when it follows a redirect by itself"],
]);
