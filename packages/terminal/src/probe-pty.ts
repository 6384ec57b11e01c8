/** Runs nothing in a new terminal; rejects when none can be made. */
export async function probePty(): Promise<void> {
  const { spawnPty } = await import("./host-pty.ts");
  const options = { argv: ["/bin/sh", "-c", ":"] as const, cwd: "/", environment: {}, size: { columns: 80, rows: 24 } };
  await new Promise<void>((end) => {
    spawnPty(options, { output: () => undefined, end: () => end() });
  });
}
