// Real servers for tests, on the loopback interface: one server, and a lossy proxy.
//
// FW_MODULE is the built module, FW_REDIS_SERVER the server program (redis-server).

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server as Listener } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient } from 'redis';

export const PATIENCE_MS = 20_000;
export const NOON = 1_767_225_600_000; // 2026-01-01T00:00:00Z

/** Polls until something outside this process is ready. */
export async function until(ready: () => Promise<boolean>, what: string): Promise<void> {
  const giveUp = performance.now() + PATIENCE_MS;
  while (!(await ready())) {
    assert(performance.now() < giveUp, what);
    await wait(10);
  }
}

export async function listening(server: Listener): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port that has one for a cluster's bus, 10,000 above it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    const port = await listening(server);
    server.close();
    await once(server, 'close');
    if (port <= 55_535) return port;
  }
}

/** A server with the module, on the test clock. */
export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), 'fw-limits-'));
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {}

  static async start(...lines: string[]): Promise<Server> {
    const server = new Server(await freePort());
    const module = process.env.FW_MODULE;
    assert(module, 'FW_MODULE is not set: the path of libfw_limits.so');
    const settings = [
      `port ${server.port}`,
      'bind 127.0.0.1',
      `dir ${server.folder}`,
      `logfile ${server.folder}/server.log`,
      'save ""',
      `loadmodule ${module}`,
      'fw.test-clock yes',
      'fw.new-accounts open',
      ...lines,
    ];
    writeFileSync(join(server.folder, 'redis.conf'), `${settings.join('\n')}\n`);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const program = process.env.FW_REDIS_SERVER ?? 'redis-server';
    const child = spawn(program, [join(this.folder, 'redis.conf')], { stdio: 'inherit' });
    this.#process = child;
    process.once('exit', () => child.kill('SIGKILL'));
    await until(async () => {
      if (child.exitCode !== null) assert.fail(readFileSync(`${this.folder}/server.log`, 'utf8'));
      return this.ask('PING').then(
        () => true,
        () => false,
      );
    }, `the server did not start: ${this.folder}/server.log`);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Stops or goes on; it is there, but does not answer. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(name);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true });
  }

  /** A command, past the client that is tested. */
  async ask<T = unknown>(...words: (string | number)[]): Promise<T> {
    const socket = { host: '127.0.0.1', port: this.port, reconnectStrategy: false as const };
    const plain = createClient({ socket });
    plain.on('error', () => {});
    await plain.connect();
    try {
      return await plain.sendCommand<T>(words.map(String));
    } finally {
      plain.destroy();
    }
  }

  /** Lets time pass on the module's clock. */
  async advance(ms: number): Promise<void> {
    await this.ask('FW.CLOCK', 'ADVANCE', ms);
  }

  /** Forgets everything, and sets the clock to the same noon. */
  async clear(): Promise<void> {
    await this.ask('FLUSHALL');
    await this.ask('FW.CLOCK', 'SET', NOON);
    await this.ask('CONFIG', 'SET', 'fw.new-accounts', 'open', 'maxmemory', '0');
  }
}

/** A proxy before a server that loses, or keeps back, the next replies to FW commands. */
export class Lossy {
  lose = 0;
  keep = false;
  requests = 0;
  port = 0;
  readonly #listener: Listener;
  #kept = (): void => {};

  private constructor(server: Server) {
    this.#listener = createServer((front) => {
      const behind = connect(server.port, '127.0.0.1');
      let fw = false;
      front.on('data', (words) => {
        fw = words.includes('FW.');
        behind.write(words);
      });
      behind.on('data', (reply) => this.#pass(reply, { fw, to: front }));
      front.on('close', () => behind.destroy());
      front.on('error', () => {});
      behind.on('error', () => front.destroy());
      behind.on('close', () => front.destroy());
    });
  }

  static async before(server: Server): Promise<Lossy> {
    const proxy = new Lossy(server);
    proxy.port = await listening(proxy.#listener);
    return proxy;
  }

  /** Resolves when a reply was kept back. */
  kept(): Promise<void> {
    this.keep = true;
    return new Promise((resolve) => (this.#kept = resolve));
  }

  #pass(reply: Buffer, { fw, to }: { fw: boolean; to: import('node:net').Socket }): void {
    if (fw && this.keep) {
      this.keep = false;
      this.#kept();
      return;
    }
    if (fw) this.requests++;
    if (fw && this.lose > 0) {
      this.lose--;
      to.destroy();
    } else {
      to.write(reply);
    }
  }

  close(): void {
    this.#listener.close();
  }
}
