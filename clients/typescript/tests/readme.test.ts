// The README's examples: they compile, run in their order, and print what their comments say.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server } from './servers.js';

const root = join(import.meta.dirname, '../..');

test("the README's examples", async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
  assert.equal(blocks.length, 4);
  const program = blocks.join('\n');
  // Where the client and the server are, and the end, are the test's own.
  const folder = mkdtempSync(join(root, 'build/readme-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const runs = program
    .replace("from 'fw-limits'", "from '../src/index.js'")
    .replace('createClient()', `createClient({ socket: { port: ${server.port} } })`);
  writeFileSync(join(folder, 'readme.mts'), `${runs}\nawait client.close();\n`);
  const compilerOptions = { rootDir: '.', outDir: '.', declaration: false };
  const config = { extends: '../../tsconfig.json', files: ['readme.mts'], include: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, compilerOptions }));
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const checked = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stdout);
  const printed = execFileSync(process.execPath, [join(folder, 'readme.mjs')], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const said = [...program.matchAll(/^ *(?:if .*|else )?console\.log\(.*\/\/ (.*)$/gm)];
  const expected = said
    .map(([, comment]) => comment)
    .filter((line) => line !== 'it was not served');
  assert.equal(expected.length, 6);
  assert.deepEqual(printed.trim().split('\n'), expected);
});
