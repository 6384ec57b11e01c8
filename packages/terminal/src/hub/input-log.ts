/** Which inputs of which client have been applied: kept longer than a connection, so that one sent again is dropped. */
export interface InputLog {
  of(sessionId: string): ClientInputs;
}

export interface ClientInputs {
  /** Sequence of the client's last applied input, 0 when there is none. */
  last(clientId: string): number;
  applied(clientId: string, sequence: number): void;
}

/** Clients remembered; the one heard of longest ago goes first. */
const CLIENT_LIMIT = 1000;

export function createInputLog(): InputLog {
  const sequences = new Map<string, number>();
  return {
    of(sessionId) {
      const key = (clientId: string): string => JSON.stringify([sessionId, clientId]);
      return {
        last: (clientId) => sequences.get(key(clientId)) ?? 0,
        applied(clientId, sequence) {
          sequences.delete(key(clientId));
          sequences.set(key(clientId), sequence);
          const [oldest] = sequences.keys();
          if (sequences.size > CLIENT_LIMIT && oldest !== undefined) sequences.delete(oldest);
        },
      };
    },
  };
}
