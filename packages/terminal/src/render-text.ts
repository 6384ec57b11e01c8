import type { TerminalChunk, TerminalSize } from "@clauderon/core/contract";

export interface RenderTextOptions {
  readonly size: TerminalSize;
  /** How many of the latest lines; default all that are kept. */
  readonly lines?: number | undefined;
  /** For output of a process without a terminal: a line feed also goes to the first column. */
  readonly isPlain?: boolean | undefined;
}

const scrollback = 10_000;

/** What a terminal shows and showed after the output, as plain text; lines that were wrapped are whole again. */
export async function renderText(chunks: AsyncIterable<TerminalChunk>, options: RenderTextOptions): Promise<string> {
  // Loaded by those who read text alone: it is large.
  const { default: headless } = await import("@xterm/headless");
  const { columns, rows } = options.size;
  const terminal = new headless.Terminal({
    cols: columns,
    rows,
    scrollback,
    allowProposedApi: true,
    convertEol: options.isPlain === true,
  });
  try {
    for await (const chunk of chunks) await new Promise<void>((resolve) => terminal.write(chunk.bytes, resolve));
    const buffer = terminal.buffer.active;
    const lines: string[] = [];
    for (let index = 0; index < buffer.length; index += 1) {
      const line = buffer.getLine(index);
      if (line === undefined) continue;
      const isContinued = buffer.getLine(index + 1)?.isWrapped === true;
      const text = line.translateToString(!isContinued);
      if (line.isWrapped && lines.length > 0) lines.push(`${lines.pop() ?? ""}${text}`);
      else lines.push(text);
    }
    while (lines.at(-1) === "") lines.pop();
    const wanted = options.lines === undefined ? lines : options.lines === 0 ? [] : lines.slice(-options.lines);
    return wanted.join("\n");
  } finally {
    terminal.dispose();
  }
}
