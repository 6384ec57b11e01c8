import { DaemonError } from "@clauderon/core/contract";

import { findPortOwner, type PortOwner, type TakenPlace } from "./port-owner.ts";

const anyPort = "CLAUDERON_PORT=0 clauderon daemon start";
const takeAnother = `use any free port: ${anyPort}`;
const choose = "or choose one: clauderon config set daemon.port PORT";

/** A port that cannot be listened on; by whom it is taken has not been asked yet, because another may do as well. */
export class PortTaken extends DaemonError {
  readonly place: TakenPlace;

  constructor(place: TakenPlace, cause: NodeJS.ErrnoException) {
    const { port } = place;
    super({
      code: "daemon.port-taken",
      message: `Port ${port} of this machine cannot be used`,
      why: cause.code === "EACCES" ? "this user may not listen there" : "another program uses it",
      fix: [takeAnother, choose],
      context: { port },
      cause,
    });
    this.place = place;
  }
}

/** The same, saying by whom it is taken. */
export async function withOwner(error: PortTaken): Promise<DaemonError> {
  const { place, message, cause } = error;
  if ((cause as NodeJS.ErrnoException).code === "EACCES") return error;
  const owner = await findPortOwner(place);
  return new DaemonError({
    code: "daemon.port-taken",
    message,
    why: owner.text,
    fix: [owner.isClauderon ? `give this home a port of its own: ${anyPort}` : takeAnother, choose, ...endFix(owner)],
    context: { port: place.port, pid: owner.pid, program: owner.program },
    cause,
  });
}

function endFix({ isClauderon, isListening, pid, hint }: PortOwner): readonly string[] {
  if (isClauderon) return [];
  if (!isListening) return ["or try again when that connection has ended"];
  if (hint !== undefined) return [`or find the other program and end it: ${hint}`];
  return pid === undefined ? [] : [`or end the other program: kill ${pid}`];
}
