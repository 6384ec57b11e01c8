import { readPktLine } from "./pkt-line.ts";

/** One line of the command list. Texts are the bytes as Latin-1, so that nothing is lost. */
export interface PushCommand {
  readonly oldId: string;
  readonly newId: string;
  readonly ref: string;
}

/** Everything that stands before the pack. */
export interface ReceivePackHead {
  readonly commands: readonly PushCommand[];
  readonly capabilities: readonly string[];
  readonly pushOptions: readonly string[];
  /** Where the pack begins. */
  readonly end: number;
}

export type ReceivePackRead =
  | { readonly kind: "complete"; readonly head: ReceivePackHead }
  | { readonly kind: "incomplete" }
  | { readonly kind: "malformed"; readonly reason: string };

/** Goes on where it stopped when more bytes are there; `bytes` always begins with the body's first byte. */
export interface ReceivePackParser {
  read(bytes: Buffer): ReceivePackRead;
}

const COMMAND = /^([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([^\n\0]+)$/;
const SHALLOW = /^shallow (?:[0-9a-f]{40}|[0-9a-f]{64})$/;

type Section = "commands" | "certificate" | "certificate-end" | "options" | "done";

/**
 * The request of `git-receive-pack` (gitprotocol-pack, "Reference Update Request and Packfile Transfer"). Stricter than git's own reader: what two readers could
 * understand in two ways is malformed.
 */
export function createReceivePackParser(): ReceivePackParser {
  const commands: PushCommand[] = [];
  const pushOptions: string[] = [];
  let capabilities: readonly string[] = [];
  let section: Section = "commands";
  let certificate = createCertificateReader(commands, pushOptions);
  let isFirst = true;
  let offset = 0;

  function takeCommand(line: string): string | undefined {
    const [text = "", list, ...more] = chomp(line).split("\0");
    if (SHALLOW.test(text) && list === undefined) return undefined;
    if (more.length > 0 || (list !== undefined && !isFirst)) return "a NUL byte where no capabilities may stand";
    if (isFirst) capabilities = (list ?? "").split(" ").filter((name) => name !== "");
    const isCertificate = text === "push-cert";
    if (isCertificate && !isFirst) return "a push certificate after commands";
    isFirst = false;
    if (isCertificate) {
      section = "certificate";
      certificate = createCertificateReader(commands, pushOptions);
      return undefined;
    }
    const command = parseCommand(text);
    if (command === undefined) return "a line that is no command";
    commands.push(command);
    return undefined;
  }

  function takeLine(line: string): string | undefined {
    switch (section) {
      case "commands":
        return takeCommand(line);
      case "certificate":
        if (line !== "push-cert-end\n") return certificate(line);
        section = "certificate-end";
        return undefined;
      case "certificate-end":
        return "commands after a push certificate";
      case "done":
        return "a line after the end";
      case "options":
        pushOptions.push(chomp(line));
    }
    return undefined;
  }

  function takeFlush(): string | undefined {
    if (section === "certificate") return "a push certificate without an end";
    const hasOptions = section !== "options" && capabilities.includes("push-options");
    section = hasOptions ? "options" : "done";
    return undefined;
  }

  return {
    read(bytes) {
      while (section !== "done") {
        const packet = readPktLine(bytes, offset);
        if (packet.kind === "incomplete") return packet;
        if (packet.kind === "malformed") return { kind: "malformed", reason: "a packet of impossible length" };
        const reason = packet.kind === "flush" ? takeFlush() : takeLine(packet.payload.toString("latin1"));
        if (reason !== undefined) return { kind: "malformed", reason };
        offset = packet.end;
      }
      return { kind: "complete", head: { commands, capabilities, pushOptions, end: offset } };
    },
  };
}

function chomp(line: string): string {
  return line.endsWith("\n") ? line.slice(0, -1) : line;
}

function parseCommand(text: string): PushCommand | undefined {
  const [, oldId, newId, ref] = COMMAND.exec(text) ?? [];
  if (oldId === undefined || newId === undefined || ref === undefined || oldId.length !== newId.length) {
    return undefined;
  }
  return { oldId, newId, ref };
}

/**
 * A certificate is a text of header lines, an empty line, commands and a signature. git takes the last `-----BEGIN` for the signature's start, so a
 * second one could hide commands: everything after the first must look like armour.
 */
function createCertificateReader(commands: PushCommand[], pushOptions: string[]): (line: string) => string | undefined {
  let part: "header" | "commands" | "signature" = "header";
  return (line) => {
    if (!line.endsWith("\n") || line.indexOf("\n") !== line.length - 1 || line.includes("\0")) {
      return "a line of a push certificate that is not one line";
    }
    const text = line.slice(0, -1);
    if (part === "header") {
      if (text === "") part = "commands";
      else if (text.startsWith("push-option ")) pushOptions.push(text.slice("push-option ".length));
      else if (!/^(?:certificate version|pusher|pushee|nonce) /.test(text))
        return "an unknown line in a push certificate";
      return undefined;
    }
    if (part === "signature") {
      const isArmour = /^(?:[A-Za-z0-9+/=]*|-----END [A-Z0-9 ]+-----|[A-Z][A-Za-z]*: [ -~]*)$/.test(text);
      return isArmour ? undefined : "a line that is no part of a signature";
    }
    if (/^-----BEGIN [A-Z0-9 ]+-----$/.test(text)) {
      part = "signature";
      return undefined;
    }
    const command = parseCommand(text);
    if (command === undefined) return "a line of a push certificate that is no command";
    commands.push(command);
    return undefined;
  };
}
