import { UsageError } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";

const LONGEST = 64 * 1024;

/** A secret from standard input, else from a question that does not show it; never from an argument. */
export async function readSecretValue(
  name: string,
  context: Pick<CommandContext, "keyboard" | "canPrompt" | "prompts">,
): Promise<string> {
  if (!context.keyboard.isTerminal) return readInput(context.keyboard.stream);
  if (context.canPrompt) return context.prompts.password(`Value of ${name}`);
  throw new UsageError({
    code: "usage.needs-input",
    message: `The value of ${name} would have to be asked for`,
    fix: [`give it on standard input: clauderon config credentials set ${name} < FILE`],
  });
}

async function readInput(stream: NodeJS.ReadStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Uint8Array);
    chunks.push(bytes);
    length += bytes.length;
    if (length > LONGEST) {
      throw new UsageError({
        message: "What is on standard input is no credential",
        why: `it is longer than ${LONGEST} bytes`,
        fix: ["give one line of text"],
      });
    }
  }
  // Byte by byte: what is not plain text is refused where the value is checked.
  return Buffer.concat(chunks).toString("latin1");
}
