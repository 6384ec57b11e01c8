import type { Writable } from "node:stream";

import { Cancelled } from "./cancelled.ts";
import type { Prompts } from "./command/command-context.ts";

/** Questions on the terminal; they are written to standard error, so that standard output stays data. */
export function createPrompts(output: Writable): Prompts {
  return {
    async confirm(question) {
      const { confirm, isCancel } = await import("@clack/prompts");
      const answer = await confirm({ message: question, initialValue: false, output });
      if (isCancel(answer)) throw new Cancelled();
      return answer;
    },
    async password(question) {
      const { isCancel, password } = await import("@clack/prompts");
      // No sign for a character: their number tells something, too.
      const answer = await password({ message: question, mask: "", output });
      if (isCancel(answer)) throw new Cancelled();
      return answer;
    },
    async select(question, choices) {
      const { isCancel, select } = await import("@clack/prompts");
      const options = choices.map(({ value, hint }) => ({
        value,
        label: value,
        ...(hint === undefined ? {} : { hint }),
      }));
      const answer = await select({ message: question, options, output });
      if (isCancel(answer)) throw new Cancelled();
      return answer;
    },
  };
}
