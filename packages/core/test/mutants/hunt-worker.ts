import { huntMutant, type HuntExtent } from "./hunt-mutant.ts";
import { mutants } from "./index.ts";

/** What a worker is asked: which mutant, how much of the kit. */
export interface HuntQuestion {
  readonly name: string;
  readonly extent: HuntExtent;
}

// One question after the other, by its parent; see `HuntPool`.
process.on("message", (question: HuntQuestion) => void answer(question));
process.on("disconnect", () => process.exit(0));

async function answer({ name, extent }: HuntQuestion): Promise<void> {
  const mutant = mutants.find((each) => each.name === name);
  try {
    if (mutant === undefined) throw new Error(`there is no mutant that ${name}`);
    process.send?.({ hunt: await huntMutant(mutant, extent) });
  } catch (error) {
    process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
