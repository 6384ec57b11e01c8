import { Duplex } from "node:stream";

const headBytes = 8;
const standardOutput = 1;
/** More than the engine puts into one frame: what claims more is no frame. */
const longestFrame = 16 * 1024 ** 2;

/** Standard input and output of a program that the engine runs: input goes as it is, output comes in frames, split anywhere. What the program complains of is dropped. */
export function demultiplex(connection: Duplex): Duplex {
  let rest: Buffer = Buffer.alloc(0);
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => {
      connection.resume();
    },
    write: (chunk: Buffer, _encoding, done) => {
      if (connection.write(chunk)) done();
      else connection.once("drain", () => done());
    },
    final: (done) => {
      connection.end(() => done());
    },
    destroy: (error, done) => {
      connection.destroy();
      done(error);
    },
  });
  connection.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let isWanted = true;
    while (rest.length >= headBytes) {
      const length = rest.readUInt32BE(4);
      if (rest.readUInt8(0) > 2 || length > longestFrame) {
        duplex.destroy(new Error("the engine sent what is no frame"));
        return;
      }
      if (rest.length < headBytes + length) break;
      if (rest.readUInt8(0) === standardOutput && length > 0)
        isWanted = duplex.push(rest.subarray(headBytes, headBytes + length));
      rest = rest.subarray(headBytes + length);
    }
    if (!isWanted) connection.pause();
  });
  connection.on("end", () => duplex.push(null));
  connection.on("error", (error) => duplex.destroy(error));
  connection.on("close", () => duplex.destroy());
  // Until somebody reads.
  connection.pause();
  return duplex;
}
