// Clients of every kind on one server, for tests that are played with each of them.

import { after, before, beforeEach, describe } from 'node:test';
import { createClient, createClientPool } from 'redis';
import { Limits, type OneServer } from '../src/index.js';
import { Server } from './servers.js';

export interface Played {
  readonly server: Server;
  readonly limits: Limits;
  readonly connection: OneServer;
}

const KINDS = {
  'a client, RESP 2': (port: number) => createClient({ RESP: 2, socket: { port } }),
  'a client, RESP 3': (port: number) => createClient({ RESP: 3, socket: { port } }),
  'a pool': (port: number) => createClientPool({ socket: { port } }),
};

/** Plays tests on a server that each finds empty, with every kind of client. */
export function withEach(what: string, tests: (played: Played) => void): void {
  for (const [kind, make] of Object.entries(KINDS)) {
    describe(`${what}: ${kind}`, () => {
      const played = {} as { -readonly [name in keyof Played]: Played[name] };
      let connection: ReturnType<typeof make> | undefined;
      before(async () => {
        played.server = await Server.start();
        connection = make(played.server.port);
        connection.on('error', () => {});
        await connection.connect();
        played.connection = connection;
        played.limits = new Limits(connection, { timeoutMs: 10_000 });
      });
      beforeEach(() => played.server.clear());
      after(async () => {
        connection?.destroy();
        await played.server?.remove();
      });
      tests(played);
    });
  }
}
