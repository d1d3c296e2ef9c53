import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { keyPath, signingAs, TRAINER } from '../helpers/stored-models.ts';

const FILES = {
  'config.json': '{}',
  'weights/a.bin': Buffer.alloc(3_000_001, 'weights'),
  'weights/é.bin': 'other',
  empty: '',
  [`${'directory/'.repeat(9)}${'n'.repeat(90)}.bin`]: 'long',
  [`${'directory/'.repeat(12)}${'n'.repeat(120)}.bin`]: 'very long',
};

/** Packs and unpacks with archive/tar of Go, as most Go programs do. */
const GO = `package main

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func pack(model, out string, format tar.Format) {
	file, err := os.Create(out)
	check(err)
	zip := gzip.NewWriter(file)
	archive := tar.NewWriter(zip)
	check(filepath.Walk(model, func(path string, info os.FileInfo, err error) error {
		check(err)
		header, err := tar.FileInfoHeader(info, "")
		check(err)
		header.Name, err = filepath.Rel(model, path)
		check(err)
		header.Format = format
		if info.IsDir() {
			header.Name += "/"
		}
		check(archive.WriteHeader(header))
		if info.IsDir() {
			return nil
		}
		content, err := os.Open(path)
		check(err)
		defer content.Close()
		_, err = io.Copy(archive, content)
		return err
	}))
	check(archive.Close())
	check(zip.Close())
	check(file.Close())
}

func unpack(in, out string) {
	file, err := os.Open(in)
	check(err)
	zip, err := gzip.NewReader(file)
	check(err)
	archive := tar.NewReader(zip)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return
		}
		check(err)
		path := filepath.Join(out, header.Name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		target, err := os.Create(path)
		check(err)
		_, err = io.Copy(target, archive)
		check(err)
		check(target.Close())
	}
}

func main() {
	switch os.Args[1] {
	case "pax":
		pack(os.Args[2], os.Args[3], tar.FormatPAX)
	case "default":
		pack(os.Args[2], os.Args[3], tar.FormatUnknown)
	default:
		unpack(os.Args[2], os.Args[3])
	}
}
`;

const PYTHON = `
import sys, tarfile
how, model, out = sys.argv[1:]
if how == 'unpack':
    safely = {'filter': 'data'} if hasattr(tarfile, 'data_filter') else {}
    with tarfile.open(model) as archive: archive.extractall(out, **safely)
else:
    with tarfile.open(out, 'w:gz', format={'pax': tarfile.PAX_FORMAT, 'gnu': tarfile.GNU_FORMAT}[how]) as archive: archive.add(model, arcname='.')`;

interface Tool {
  readonly name: string;
  /** How it packs, from a directory to a file. */
  readonly packs: readonly (readonly string[])[];
  /** How it unpacks, from a file to a directory that is there. */
  readonly unpacks: readonly string[];
}

describe('archives of other tools, and ours with them', function () {
  this.timeout(300_000);
  const sandbox = new Sandbox();
  const model = sandbox.write('model', FILES);
  const trust = ['--trust-key', keyPath(`${TRAINER}.pub`)];
  after(() => sandbox.remove());

  function tools(): readonly Tool[] {
    writeFileSync(sandbox.path('pack.go'), GO);
    writeFileSync(sandbox.path('pack.py'), PYTHON);
    const go = sandbox.path('packs-in-go');
    const hasGo = spawnSync('go', ['version']).status === 0;
    if (hasGo) execFileSync('go', ['build', '-o', go, sandbox.path('pack.go')]);
    const python = (how: string) => ['python3', sandbox.path('pack.py'), how, 'MODEL', 'ARCHIVE'];
    const all: readonly Tool[] = [
      {
        name: 'tar',
        packs: ['pax', 'gnu'].map((format) => ['tar', `--format=${format}`, '-czf', 'ARCHIVE', '-C', 'MODEL', '.']),
        unpacks: ['tar', '-xzf', 'ARCHIVE', '-C', 'MODEL'],
      },
      {
        name: 'bsdtar',
        packs: [['bsdtar', '-czf', 'ARCHIVE', '-C', 'MODEL', '.']],
        unpacks: ['bsdtar', '-xzf', 'ARCHIVE', '-C', 'MODEL'],
      },
      {
        name: 'python3',
        packs: [python('pax'), python('gnu')],
        unpacks: ['python3', sandbox.path('pack.py'), 'unpack', 'ARCHIVE', 'MODEL'],
      },
      ...(hasGo
        ? [
            {
              name: 'go',
              packs: ['pax', 'default'].map((format) => [go, format, 'MODEL', 'ARCHIVE']),
              unpacks: [go, 'unpack', 'ARCHIVE', 'MODEL'],
            },
          ]
        : []),
    ];
    return all.filter(({ name }) => name === 'go' || spawnSync(name, ['--version']).status === 0);
  }

  const run = (command: readonly string[], archive: string, directory: string) => {
    const [program = '', ...args] = command.map((word) => ({ ARCHIVE: archive, MODEL: directory })[word] ?? word);
    execFileSync(program, args, { stdio: 'pipe' });
  };
  const ours = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await mlsign(args);
    assert.equal(code, 0, stdout + stderr);
  };

  it('unpack here what others packed, and there what was packed here, byte for byte', async () => {
    const found = tools();
    assert.ok(found.length > 0);
    await ours('pack', model, sandbox.path('ours.tar.gz'));
    for (const { name, packs, unpacks } of found) {
      for (const [i, pack] of packs.entries()) {
        const archive = sandbox.path(`${name}-${i}.tar.gz`);
        run(pack, archive, model);
        await ours('sign', archive, ...signingAs(TRAINER));
        const out = sandbox.path(`${name}-${i}`);
        await ours('unpack', archive, out, ...trust);
        execFileSync('diff', ['-r', '--exclude', 'model.sig', model, out]);
      }
      const out = sandbox.write(`${name}-ours`, {});
      run(unpacks, sandbox.path('ours.tar.gz'), out);
      execFileSync('diff', ['-r', model, out]);
    }
  });
});
