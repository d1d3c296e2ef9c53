import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { openBrowser } from '../../src/sign/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const PAGE = 'https://issuer.example/auth?a=b&c=$(d)';

describe('openBrowser', () => {
  // The stand-ins are shell scripts.
  if (process.platform === 'win32') return;
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  function desktop(command: string, script: string, env: Readonly<Record<string, string>> = { DISPLAY: ':0' }) {
    const bin = sandbox.write(`bin-${Math.random()}`, { [command]: `#!/bin/sh\n${script}\n` });
    chmodSync(`${bin}/${command}`, 0o755);
    return { ...env, PATH: `${bin}${delimiter}/bin${delimiter}/usr/bin` };
  }

  it('hands the page to the desktop, as one argument that no shell reads', async () => {
    const seen = sandbox.path('seen');
    for (const [platform, command] of [
      ['linux', 'xdg-open'],
      ['darwin', 'open'],
    ] as const) {
      assert.equal(await openBrowser(PAGE, { platform, env: desktop(command, `printf '%s' "$*" > ${seen}-${platform}`) }), true);
      assert.equal(readFileSync(`${seen}-${platform}`, 'utf8'), PAGE);
    }
  });

  it('takes Wayland for a screen', async () => {
    assert.equal(
      await openBrowser(PAGE, { platform: 'linux', env: desktop('xdg-open', 'exit 0', { WAYLAND_DISPLAY: 'wayland-0' }) }),
      true,
    );
  });

  it('tries nothing without a screen', async () => {
    const seen = sandbox.path('never');
    assert.equal(await openBrowser(PAGE, { platform: 'linux', env: desktop('xdg-open', `touch ${seen}`, {}) }), false);
    assert.equal(await openBrowser(PAGE, { platform: 'linux', env: desktop('xdg-open', `touch ${seen}`, { DISPLAY: '' }) }), false);
    assert.ok(!existsSync(seen));
  });

  it('says so where nothing opens', async () => {
    assert.equal(await openBrowser(PAGE, { platform: 'linux', env: desktop('xdg-open', 'exit 3') }), false);
    assert.equal(await openBrowser(PAGE, { platform: 'linux', env: { DISPLAY: ':0', PATH: sandbox.path('nowhere') } }), false);
  });

  it('does not wait for a browser that stays', async () => {
    assert.equal(await openBrowser(PAGE, { platform: 'linux', env: desktop('xdg-open', 'exec sleep 3') }), true);
  });
});
